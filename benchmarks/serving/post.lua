-- For wrk: posts the lines of a file, one after the other, and says at the end what wrk has measured, as JSON.
-- A line may hold @@, which becomes a number that never comes again.

local bodies = {}
local number = 0

function init(args)
  for line in io.lines(args[1]) do
    bodies[#bodies + 1] = line
  end
  -- Other runs have other numbers.
  math.randomseed(os.time())
  number = math.random(1, 1000) * 1000000
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  number = number + 1
  local body = bodies[number % #bodies + 1]
  return wrk.format(nil, nil, nil, (body:gsub("@@", tostring(number))))
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "seconds": %.3f, "p50": %.3f, "p95": %.3f, "p99": %.3f, "refused": %d, "lost": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(95) / 1e3,
    latency:percentile(99) / 1e3, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
