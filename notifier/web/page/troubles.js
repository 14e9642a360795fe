// What is wrong, worst first, in words, and where it is mended.
import { count } from "./nodes.js";
import { now, span } from "./times.js";
import { meaning, words } from "./words.js";

const NEARLY = 0.8;  // ours
const LATE_SECONDS = 60;  // ours: what waits longer than this for no reason of its own is worth a line

export const level = { critical: 0, warning: 1 };

const nobody = overview => overview.types.every(each => !each.workers.length);

export function troublesOf(each, overview) {
  const size = overview.queue_size * (1 + (each.further_gates || []).length), found = [], type = each.alert_type, gate = each.gate || {};
  const add = (how, text, href, todo) => found.push({ level: how, type, text, href, todo });
  const waits = each.waiting ? `, ${count(each.waiting, "alert")} ${each.waiting === 1 ? "waits" : "wait"}` : "";
  if (!each.workers.length && (each.gate || each.waiting) && !nobody(overview)) add("critical", `no worker reads this queue${waits}`, `#/waiting?type=${type}`, `start one: celery -A notifier worker -Q notifications.${type}`);
  if (each.webhook_problem) add("critical", each.webhook_problem, "#/gates", "correct the setting, and restart");
  const further = each.further_gates || [], gone = [gate, ...further].filter(one => one.quarantined);
  if (further.length && gone.length && gone.length <= further.length) for (const one of gone) add("critical", `${meaning(one.quarantined)}: ${one.name || one.webhook_id} is left out, and its alerts go to the others`, "#/gates", "give the workers the new URL; or reset the gate if the webhook is there");
  else if (gate.quarantined) add("critical", `${meaning(gate.quarantined)}${waits}`, "#/gates", "give the workers the new URL; or reset the gate if the webhook is there");
  else if (gate.closed) add("warning", `the gate was closed by ${gate.closed.by || "hand"}${gate.closed.why ? ` (${gate.closed.why})` : ""}${waits}`, "#/gates", "open it when it may go on");
  else if (gate.breaker && gate.breaker !== "closed") add("critical", `Discord fails for this webhook${waits}`, "#/gates", "nothing is lost: a probe goes by itself until one succeeds");
  for (const one of further) {
    if (one.closed) add("warning", `the gate of ${one.name || one.webhook_id} was closed by ${one.closed.by || "hand"}`, "#/gates", "open it when it may go on");
    else if (one.breaker && one.breaker !== "closed") add("critical", `Discord fails for ${one.name || one.webhook_id}`, "#/gates", "nothing is lost: a probe goes by itself until one succeeds");
  }
  for (const pause of [gate, ...further].flatMap(one => one.pauses || [])) add("warning", `${meaning(pause.reason)} for ${span(pause.seconds)}`, "#/gates", "");
  if (size && each.waiting >= size) add("critical", `its outbox is full: ${each.waiting.toLocaleString()} of ${size.toLocaleString()}`, `#/waiting?type=${type}`, "more are folded into a digest, or refused");
  else if (size && each.waiting >= NEARLY * size) add("warning", `its outbox is nearly full: ${each.waiting.toLocaleString()} of ${size.toLocaleString()}`, `#/waiting?type=${type}`, "");
  const late = each.oldest_at ? (now() - Date.parse(each.oldest_at)) / 1000 : 0;
  if (!found.length && late > LATE_SECONDS) add("warning", `the oldest has waited ${span(late)}: ${meaning(each.why)}`, `#/waiting?type=${type}`, "");
  if (each.dead_letters) add("warning", `${count(each.dead_letters, "dead letter")} ${each.dead_letters === 1 ? "was" : "were"} not delivered`, `#/dead?type=${type}`, "see why; then replay or drop");
  return found;
}

// of all types, and of what belongs to none
export function troubles(overview) {
  const found = [], add = (how, text, href, todo = "") => found.push({ level: how, type: "", text, href, todo });
  const { redis = {}, spool, machines = [], unreadable } = overview;
  if (nobody(overview)) add("critical", "no worker runs: nothing is delivered", "#/waiting", "start one: celery -A notifier worker");
  if (redis.problem) add("critical", `Redis: ${redis.problem}`, "", "docs/redis.md says how it has to be set");
  for (const each of redis.warnings || []) add("warning", `Redis: ${each}`, "");
  if (overview.banned_seconds !== null && overview.banned_seconds !== undefined) add("critical", `this address is banned at Discord's edge; the next probe may go in ${span(overview.banned_seconds)}`, "#/gates");
  for (const each of machines) add("critical", `${each.machine} cannot reach Discord: ${words(each.reason)}${each.detail ? ` (${each.detail})` : ""}`, "");
  if (spool && spool.problem) add("critical", `the spool on this machine: ${spool.problem}`, "");
  else if (spool && spool.count) add("warning", `${count(spool.count, "alert")} ${spool.count === 1 ? "waits" : "wait"} in the spool on this machine's disk`, "", "they are handed over once Redis answers");
  if (unreadable) add("warning", `${count(unreadable, "queue entry", "queue entries")} could not be read`, "", "notifier dead unreadable");
  for (const name of overview.jobs_overdue || []) add("warning", `the job ${name} is overdue`, "#/jobs");
  for (const each of overview.types) found.push(...troublesOf(each, overview));
  return found.sort((one, other) => level[one.level] - level[other.level]);
}
