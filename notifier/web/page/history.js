// The history: what became of every alert, with search, filters and pages; each state of it has an address to share.
import { choice, empty, grid, pill } from "./grid.js";
import { given, h, plain } from "./nodes.js";
import { get, parameters } from "./server.js";
import { ago, at } from "./times.js";
import { STATUSES, TYPES, toneOf, words } from "./words.js";

const AGES = [["1h", "last hour"], ["6h", "last 6 hours"], ["1d", "last day"], ["7d", "last 7 days"], ["30d", "last 30 days"]];
const COLUMNS = [
  { name: "Ended", cell: each => [at(each.finished_at), h("span", { class: "dim" }, " ", ago(each.finished_at))] },
  { name: "Alert", class: "what", cell: each => h("a", { href: `#/alert/${encodeURIComponent(each.id)}` }, given((each.message || {}).title || each.id)) },
  { name: "Type", cell: each => each.alert_type },
  { name: "Status", cell: each => pill(words(each.status), toneOf(each.status)) },
  { name: "Why", class: "why", nothing: each => !each.reason && !each.detail, cell: each => [plain(words(each.reason)), each.detail ? h("span", { class: "dim" }, `${each.reason ? ": " : ""}${plain(each.detail).slice(0, 160)}`) : null] },
  { name: "Tries", class: "num", cell: each => String(each.attempts) },
];
const address = values => `#/history${parameters(values) ? `?${parameters(values)}` : ""}`;
const ages = since => AGES.some(([value]) => value === since) || !since ? AGES : [...AGES, [since, `since ${since}`]];

let slow = 0;
function filters(values) {
  const chosen = form => Object.fromEntries(new FormData(form));
  return h("form", {
    class: "filters", role: "search",
    submit: event => { event.preventDefault(); location.hash = address(chosen(event.currentTarget)); },
    change: event => { location.hash = address(chosen(event.currentTarget)); },
    input: event => {
      if (event.target.id !== "search") return;
      const form = event.currentTarget;
      clearTimeout(slow);
      slow = setTimeout(() => { if (form.isConnected) window.history.replaceState(null, "", address(chosen(form))), dispatchEvent(new HashChangeEvent("hashchange")); }, 400);
    },
  },
  h("label", { class: "grow" }, h("span", {}, "Search ", h("kbd", { "aria-hidden": "true" }, "/")), h("input", { id: "search", name: "text", type: "search", value: values.text, placeholder: "title, text, source, reason or id", autocomplete: "off", "aria-keyshortcuts": "/" })),
  choice("type", "Type", TYPES, values.type), choice("status", "Status", [["failed", "all that failed"], ...STATUSES.filter(each => each !== "failed")], values.status), choice("since", "When", ages(values.since), values.since, "any time"));
}

const COPY = "Copy a link to this";
export const history = {
  title: "History",
  load: ({ values }) => get("history", { limit: 50, ...values }),
  draw(found, { route: { values } }) {
    const { cursor, ...first } = values, narrowed = parameters({ ...first, limit: "" });
    return [h("h1", {}, "History"), filters(values),
      found.records.length ? grid("History, the newest first", COLUMNS, found.records, { key: each => each.id })
        : cursor && !found.cursor ? empty("Nothing older.")
          : found.cursor ? empty(`Of the ${found.looked_at} newest here nothing fits; the search goes on behind them.`)
            : narrowed ? empty("Nothing fits.", h("a", { href: "#/history" }, "Show everything"), ", or search for less.") : empty("No alert has ended yet.", "Raise one: ", h("code", {}, "notifier send general \"Hello\"")),
      h("nav", { class: "line", "aria-label": "Pages" }, cursor ? h("a", { class: "button-link", href: address(first) }, "Newest") : null,
        found.cursor ? h("a", { class: "button-link", href: address({ ...first, cursor: found.cursor }) }, "Older") : null,
        h("button", { type: "button", class: "plain", click: event => { const button = event.currentTarget; navigator.clipboard && navigator.clipboard.writeText(location.href).then(() => { button.textContent = "Copied"; }); } }, COPY))];
  },
};
