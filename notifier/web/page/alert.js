// One alert: how it looks in Discord, its life, and what is stored of it.
import { by, carryOut, why } from "./dialogs.js";
import { drawing } from "./drawing.js";
import { pill } from "./grid.js";
import { count, given, h, plain } from "./nodes.js";
import { get } from "./server.js";
import { at, precisely } from "./times.js";
import { QUESTIONS } from "./dead.js";
import { toneOf, words } from "./words.js";

const BAD_STEP = /^(failed|rejected|unknown|expired|queue full|refused|dropped)|\blost\b|again in|could not/, GOOD_STEP = /^(delivered|posted|replayed)/;

function life(steps) {
  return h("ol", { class: "life" }, steps.map((step, index) => {
    const after = index ? (Date.parse(step.at) - Date.parse(steps[index - 1].at)) / 1000 : 0, isNow = /^still /.test(step.what);
    return h("li", { class: GOOD_STEP.test(step.what) ? "good" : BAD_STEP.test(step.what) ? "bad" : isNow ? "warn" : "" },
      h("div", { class: "moment" }, at(step.at), index ? h("span", { class: "dim" }, ` +${precisely(after)}`) : null), h("div", {}, h("bdi", {}, linked(plain(step.what)))));
  }));
}

// ids and addresses in the text of a step become links
const FOUND = /((?:digest-)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|https:\/\/discord\.com\/channels\/[0-9/]+)/;
const linked = text => text.split(FOUND).map((piece, index) => index % 2 === 0 ? piece
  : piece.startsWith("https:") ? h("a", { href: piece, target: "_blank", rel: "noreferrer noopener" }, piece) : h("a", { href: `#/alert/${piece}` }, piece));

function facts(alert) {
  const record = alert.record || {}, message = alert.message || {}, row = (name, value) => value === null || value === undefined || value === "" ? null : [h("dt", {}, name), h("dd", {}, value)];
  return h("dl", { class: "facts" },
    row("Id", h("code", {}, plain(alert.id))), row("Type", alert.alert_type), row("Source", message.source && given(message.source)), row("Incident", message.dedup_key && given(message.dedup_key)),
    row("Admitted", record.admitted_at && at(record.admitted_at)), row("Ended", record.finished_at && at(record.finished_at)),
    row("Tries", record.attempts === undefined ? null : String(record.attempts)), row("Why", record.reason && words(record.reason)), row("Detail", record.detail && given(record.detail)),
    row("Shared its request with", record.carried_with ? count(record.carried_with, "other") : null),
    row("Left out", (record.left_out || []).join(", ")),
    row("In Discord", record.link ? h("a", { href: record.link, target: "_blank", rel: "noreferrer noopener" }, "open the message") : record.message_id));
}

const stored = alert => h("details", {}, h("summary", {}, "What is stored (JSON)"), h("pre", { tabindex: "0", "aria-label": "What is stored" }, plain(JSON.stringify({ message: alert.message, record: alert.record }, null, 2))));

function doings(alert, { readOnly, refresh }) {
  if (readOnly) return null;
  if (alert.is_dead) return [["replay", "Replay", "main"], ["drop", "Drop", ""]].map(([what, name, look]) => h("button", { type: "button", class: look, click: () => carryOut({ ...QUESTIONS[what]({ ids: [alert.id] }, 1), refresh }) }, name));
  if (alert.record) return null;
  return h("button", { type: "button", click: () => carryOut({ title: "Withdraw this alert?", text: "It is not posted, and its record says withdrawn. One that is under way is posted all the same.", button: "Withdraw", danger: true,
    path: `alerts/${encodeURIComponent(alert.id)}/withdraw`, fields: [by(), why(false)], said: "withdrawn", refresh }) }, "Withdraw");
}

export const alert = {
  title: "Alert",
  name: found => found.title || found.id,
  load: ({ id }) => get(`alerts/${encodeURIComponent(id)}`),
  draw: (found, place) => [
    h("p", { class: "dim" }, h("a", { href: "#/history" }, "History"), " › ", found.alert_type),
    h("div", { class: "line" }, h("h1", {}, given(found.title || "(without a title)")), pill(found.status === "queued" ? "waiting" : words(found.status), toneOf(found.status)), found.is_dead ? pill("dead letter", "bad") : null, h("div", { class: "line end" }, doings(found, place))),
    h("div", { class: "sides" },
      h("section", { "aria-labelledby": "looks" }, h("h2", { id: "looks" }, "As it looks in Discord"), drawing(found)),
      h("section", { "aria-labelledby": "life" }, h("h2", { id: "life" }, "Its life"), life(found.steps)),
      h("section", { "aria-labelledby": "record" }, h("h2", { id: "record" }, "Record"), facts(found), stored(found))),
  ],
};
