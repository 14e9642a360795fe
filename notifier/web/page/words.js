// What the words of the pipeline mean for the one who has to do something about it.
const MEANINGS = {
  "no worker has come for it": "no worker has come for it",
  "in flight": "a request is under way",
  "breaker open": "Discord fails for this webhook; single probes go until one succeeds",
  "probe in flight": "one request tries whether Discord answers again",
  "rate limited": "Discord has asked this webhook to wait",
  "channel rate limited": "the channel's limit is used up",
  "configured limit": "DISCORD_RATE_LIMIT is used up for this minute",
  "global rate limited": "Discord has asked this whole address to wait",
  "edge banned": "this address is banned at Discord's edge",
  "webhook quarantined": "Discord says that this webhook is gone",
  "webhook unknown": "Discord says that this webhook is gone",
  "webhook token invalid": "Discord says that this webhook's URL is wrong",
  "webhook not configured": "no worker has a webhook for this type",
  "machine misconfigured": "the workers' machine cannot reach Discord",
  "proxy failed": "the workers' proxy does not answer",
  "certificate not trusted": "the workers do not trust Discord's certificate",
  "no network": "the workers' machine has no network",
  "reconciling": "Redis was restarted; delivery goes on in seconds",
  "newer version": "it waits for workers of a newer version",
  "backing off": "it failed, and is tried again later",
  "held by hand": "the gate was closed by hand",
  "closed by hand": "the gate was closed by hand",
};
export const words = text => String(text || "").replace(/_/g, " ");
export const meaning = text => MEANINGS[words(text)] || words(text);
export const BREAKERS = { closed: "open for requests", open: "held: Discord fails", half_open: "probing" };
const GOOD = new Set(["delivered", "folded", "repeated", "silenced", "not_open"]), WAITS = new Set(["queued", "spooled"]);
export const toneOf = status => GOOD.has(status) ? (status === "delivered" ? "good" : "") : WAITS.has(status) ? "warn" : status === "withdrawn" ? "" : "bad";
// of the records, and of what waits (outcome.py)
export const STATUSES = ["delivered", "failed", "rejected", "expired", "unknown", "queue_full", "folded", "repeated", "silenced", "not_open", "withdrawn"];
export const TYPES = ["general", "error", "critical", "tracklist", "monitoring", "security"];
// why an alert becomes a dead letter (outcome.py)
export const REASONS = ["expired", "forgotten", "invalid_payload", "invalid_message", "payload_too_large", "client_error", "template_error", "unsendable", "queue_full", "unknown_channel", "forbidden", "webhook_unknown",
  "webhook_token_invalid", "webhook_quarantined", "webhook_not_configured", "connection_failed", "bad_gateway", "redirected", "read_timeout", "connection_lost", "server_error", "unexpected_answer", "worker_lost", "newer_version"];
