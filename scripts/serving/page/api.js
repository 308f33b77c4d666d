// Asks the server, and says what it says: every error has a sentence for people.

let token = "";

export function useToken(given) {
  token = given;
}

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// The answer to a request, or an error that says why there is none.
export async function ask(path, options = {}) {
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    throw error.name === "AbortError" ? error : new Refused(0, "The server does not answer.");
  }
  if (!answer.ok) {
    const said = await answer.json().catch(() => null);
    throw new Refused(answer.status, said?.error?.message ?? `The server answers ${answer.status}.`);
  }
  return answer;
}

export async function askJson(path, body, signal) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal };
  return (await ask(path, body === undefined ? {} : options)).json();
}
