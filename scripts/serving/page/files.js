// A whole file: sent as it is, and read back part by part while it is classified.

import { ask } from "./api.js";

// Counts rows in what has come: line ends outside of quotes, which may be anywhere in a piece.
export function makeCounter(hasQuotes) {
  let inQuotes = false;
  let rows = 0;
  return (piece) => {
    for (const byte of piece) {
      if (byte === 34 && hasQuotes) inQuotes = !inQuotes;
      else if (byte === 10 && !inQuotes) rows += 1;
    }
    return rows;
  };
}

// Classify a file and tell of every part that comes; gives the result and its number of rows.
export async function classifyFile({ file, type, column, model, signal, onProgress }) {
  const query = new URLSearchParams({ type, text_column: column, model });
  const answer = await ask(`v1/files?${query}`, { method: "POST", body: file, signal });
  const total = Number(answer.headers.get("X-Rows"));
  const hasHeader = type !== "jsonl";
  const count = makeCounter(hasHeader);
  const pieces = [];
  const reader = answer.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    pieces.push(part.value);
    onProgress(Math.max(0, count(part.value) - hasHeader), total);
  }
  return { blob: new Blob(pieces, { type: answer.headers.get("Content-Type") }), total };
}
