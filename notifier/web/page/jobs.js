// Jobs: when each was started last, how that ended, and what is overdue.
import { by, carryOut, why } from "./dialogs.js";
import { empty, grid, pill } from "./grid.js";
import { given, h, plain } from "./nodes.js";
import { get } from "./server.js";
import { ago, at, span, until } from "./times.js";
import { words } from "./words.js";

const tone = outcome => ({ finished: "good", failed: "bad", started: "warn", running: "warn" })[outcome] || "";
const lasted = each => each.started_at && each.ended_at ? span((Date.parse(each.ended_at) - Date.parse(each.started_at)) / 1000) : "–";
const columns = place => [
  { name: "Job", class: "what", cell: each => given(each.name) },
  { name: "Outcome", cell: each => [pill(`${words(each.outcome)}${each.exit_code ? ` (${each.exit_code})` : ""}`, tone(each.outcome)), each.is_overdue ? pill("overdue", "bad") : null] },
  { name: "Last start", cell: each => each.outcome === "expected" ? h("span", { class: "dim" }, "–") : [at(each.started_at), h("span", { class: "dim" }, " ", ago(each.started_at))] },
  { name: "Took", cell: lasted },
  { name: "Expected by", cell: each => each.due_at ? [at(each.due_at), each.is_overdue ? null : h("span", { class: "dim" }, " ", until(each.due_at))] : h("span", { class: "dim" }, "not expected") },
  ...(place.readOnly ? [] : [{ name: "", label: "Actions", class: "doings", cell: each => h("button", { type: "button", class: "plain", "aria-label": `Forget ${plain(each.name)}`,
    click: () => carryOut({ title: "Forget this job?", text: ["It is not expected any more, and not listed: ", given(each.name)], button: "Forget it", danger: true, path: `jobs/${encodeURIComponent(each.name)}/forget`, fields: [by(), why(false)], said: "forgotten", refresh: place.refresh }) }, "Forget") }]),
];

export const jobs = {
  title: "Jobs",
  load: () => get("jobs"),
  draw: (found, place) => [h("h1", {}, "Jobs"),
    found.length ? grid("Jobs", columns(place), [...found].sort((one, other) => other.is_overdue - one.is_overdue), { key: each => each.name, tone: each => each.is_overdue || each.outcome === "failed" ? "critical" : null })
      : empty("No job is known.", "Run one so that you hear how it ends, and when it does not come: ", h("code", {}, "notifier job run --name backup --expect 24h -- ./backup.sh"))],
};
