// What the server is asked and told, and whether it answers.
import { serverSays } from "./times.js";

const TIMEOUT_MS = 15000;

export class Refused extends Error {
  constructor(problem, reason, status) { super(problem); this.reason = reason; this.status = status; }
}

// state: "connecting", "live", "away" (no answer), "redis" (it answers that Redis does not); since: when that began
export const connection = { state: "connecting", since: Date.now(), problem: "", changed() {} };
function became(state, problem = "") {
  if (connection.state !== state) Object.assign(connection, { state, since: Date.now() });
  connection.problem = problem;
  connection.changed();
}

const kept = new Map();  // by path: the answer that has an ETag

async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { Accept: "application/json", "X-Requested-With": "notifier", ...(method === "GET" && kept.has(path) ? { "If-None-Match": kept.get(path).etag } : {}), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    became("away");
    throw new Refused("the server does not answer", "no_answer", 0);
  }
  serverSays(answer.headers.get("Date"));
  if (answer.status === 401) { location.assign(`login${location.hash}`); throw new Refused("log in again", "not_logged_in", 401); }
  if (answer.status === 304) { became("live"); return kept.get(path).said; }
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) {
    if (connection.state !== "redis" || path === "api/overview") became("live");  // a Redis that is read-only still answers some
    if (method === "GET" && path === "api/overview" && answer.headers.has("ETag")) kept.set(path, { etag: answer.headers.get("ETag"), said });
    return said;
  }
  const problem = said.problem || `the server answers ${answer.status}`;
  if (answer.status === 503 && said.reason !== "busy") became("redis", problem);
  throw new Refused(problem, said.reason || "http_error", answer.status);
}

export const parameters = values => new URLSearchParams(Object.entries(values || {}).filter(([, value]) => value !== "" && value !== null && value !== undefined)).toString();
export function get(path, values) {
  const query = parameters(values);
  return ask("GET", `api/${path}${query ? `?${query}` : ""}`);
}
export const act = (method, path, body) => ask(method, `api/${path}`, body);

// calls `changed` again and again, while somebody may see it
const EVERY_MS = 3000;
export function follow(changed) {
  let asked = 0;
  const look = () => { asked = Date.now(); changed(); };
  setInterval(() => { if (!document.hidden && Date.now() - asked >= EVERY_MS) look(); }, 500);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  look();
}
