// The first view: what is wrong, each type in a row, and the last day.
import { grid, pill } from "./grid.js";
import { count, h, icon, plain } from "./nodes.js";
import { plots } from "./plots.js";
import { get } from "./server.js";
import { age, now, until } from "./times.js";
import { level, troubles, troublesOf } from "./troubles.js";
import { BREAKERS, meaning } from "./words.js";

const worst = (each, overview) => Math.min(9, ...troublesOf(each, overview).map(one => level[one.level]));

function trouble(each, index) {
  const what = [each.type ? h("b", {}, `${each.type}: `) : null, plain(each.text)];
  return h("li", { key: `${each.type}${each.text.replace(/\d+/g, "")}${index}`, class: each.level },
    pill(each.level, each.level === "critical" ? "bad" : "warn"),
    h("div", {}, each.href ? h("a", { href: each.href }, what) : what, each.todo ? h("div", { class: "dim" }, each.todo) : null));
}

const silenced = ({ silences }) => silences ? h("p", { class: "dim" }, h("a", { href: "#/silences" }, count(silences, "silence")), silences === 1 ? " keeps alerts away." : " keep alerts away.") : null;

function headline(overview) {
  const found = troubles(overview);
  if (!found.length) return h("p", { class: "well" }, icon("well"), overview.types.some(each => each.waiting) ? "All is well: what waits is on its way." : "All is well: nothing waits, and Discord takes what comes.");
  return h("section", { "aria-labelledby": "troubles" }, h("h2", { id: "troubles" }, count(found.length, "trouble")), h("ul", { class: "troubles" }, found.map(trouble)));
}

function gate(each) {
  if (!each.gate) return pill("no webhook here", each.webhook_problem ? "bad" : "");
  return [each.gate, ...each.further_gates || []].map((state, number) => [number ? " " : null, gateState(state)]);
}

function gateState(state) {
  if (state.quarantined) return pill("quarantined", "bad");
  if (state.closed) return pill("closed by hand", "warn");
  if ((state.pauses || []).length) return pill("paused", "warn");
  return pill(BREAKERS[state.breaker] === "open for requests" ? "open" : BREAKERS[state.breaker] || state.breaker, state.breaker === "closed" ? "good" : "bad");
}

function budget({ gate: state, further_gates: further = [] }) {
  if (!state || state.requests_left === undefined) return h("span", { class: "dim" }, "–");
  const sum = name => [state, ...further].reduce((total, one) => total + one[name], 0);
  const left = sum("requests_left"), all = Math.max(1, left + sum("requests_last_minute"));
  return h("span", { class: "budget" }, h("meter", { min: "0", max: String(all), low: String(all / 5), high: String(all), optimum: String(all), value: String(left), sign: `${left}/${all}`, "aria-label": "Requests left in this minute" }),
    `${left} left`);
}

const number = (value, href, tone) => value ? h("a", { href, class: tone }, value.toLocaleString()) : h("span", { class: "dim" }, "0");
const COLUMNS = [
  { name: "Type", class: "what short", cell: each => h("a", { href: `#/history?type=${each.alert_type}` }, each.alert_type) },
  { name: "Waiting", class: "num", nothing: each => !each.waiting, cell: each => number(each.waiting, `#/waiting?type=${each.alert_type}`) },
  { name: "Oldest", class: "num", nothing: each => !each.oldest_at, cell: each => each.oldest_at ? age(each.oldest_at) : h("span", { class: "dim" }, "–") },
  { name: "Why they wait", class: "why", nothing: each => !each.why, cell: each => each.why ? [plain(meaning(each.why)), each.until && Date.parse(each.until) > now() && !(each.gate && each.gate.quarantined) ? [h("br"), h("span", { class: "dim" }, "goes on ", until(each.until))] : null] : h("span", { class: "dim" }, "–") },
  { name: "Gate", cell: gate },
  { name: "This minute", cell: budget },
  { name: "Dead", class: "num", nothing: each => !each.dead_letters, cell: each => number(each.dead_letters, `#/dead?type=${each.alert_type}`, "badlink") },
  { name: "Incidents", class: "num", nothing: each => !each.incidents_open, cell: each => number(each.incidents_open, `#/incidents?type=${each.alert_type}&open=1`) },
  { name: "Workers", class: "num", cell: each => each.workers.length ? h("span", { title: each.workers.map(plain).join("\n") }, String(each.workers.length)) : h("b", { class: "badtext" }, "none") },
];

export const overview = {
  title: "Overview",
  load: () => get("statistics"),
  draw(statistics, { overview: found, route, refresh }) {
    const rows = [...found.types].sort((one, other) => worst(one, found) - worst(other, found));
    return [h("h1", {}, "Overview"), headline(found), silenced(found),
      h("section", { "aria-labelledby": "types" }, h("h2", { id: "types" }, "Outboxes and gates"),
        grid("Outboxes and gates", COLUMNS, rows, { key: each => each.alert_type, tone: each => ["critical", "warning"][worst(each, found)] })),
      plots(statistics, route.values.type, refresh)];
  },
};
