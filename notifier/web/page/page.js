// The frame: which view is shown, what is asked when, whether there is a connection, light and dark.
import { actions } from "./actions.js";
import { alert } from "./alert.js";
import { dead } from "./dead.js";
import { reader } from "./dialogs.js";
import { gates } from "./gates.js";
import { history } from "./history.js";
import { incidents } from "./incidents.js";
import { jobs } from "./jobs.js";
import { count, fill, h, icon, plain } from "./nodes.js";
import { overview } from "./overview.js";
import { Refused, connection, follow, get } from "./server.js";
import { silences } from "./silences.js";
import { at, retime } from "./times.js";
import { troubles } from "./troubles.js";
import { waiting } from "./waiting.js";

const VIEWS = { overview, waiting, dead, incidents, history, gates, silences, jobs, actions, alert };
const LISTED = ["overview", "waiting", "dead", "incidents", "history", "gates", "silences", "jobs", "actions"];
const RED = new Set(["overview", "dead", "jobs"]);
const $ = id => document.getElementById(id);
const main = $("main");
const page = { overview: null, route: null, shown: null };

// ---- routes: #/history?text=disk, #/alert/ID

const decoded = text => { try { return decodeURIComponent(text); } catch { return text; } };

function routeOf(hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split("?"), [name, ...rest] = path.split("/");
  return { name: Object.hasOwn(VIEWS, name) ? name : "overview", id: decoded(rest.join("/")), values: Object.fromEntries(new URLSearchParams(query)), hash };
}

async function go() {
  const route = routeOf(location.hash), before = page.route;
  page.route = route;
  menu(false);
  drawSide();
  main.setAttribute("aria-busy", "true");
  await refresh();
  if (!before || page.route !== route) return;
  if (before.name !== route.name || before.id !== route.id) {
    const search = toSearch && main.querySelector("#search");
    toSearch = false;
    (search || main).focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

let toSearch = false;  // the next view is gone to for its search
const SELDOM_MS = 15000;  // while the overview stays the same, the view is asked for this often
let asking = null;  // the route that is asked for now
let again = false, loaded = 0;
const refresh = () => look(true);
async function look(always) {
  const route = page.route;
  if (asking === route) { again = again || always; return; }
  asking = route;
  const view = VIEWS[route.name];
  try {
    const first = get("overview"), must = always || page.shown !== route || Date.now() - loaded > SELDOM_MS;
    if (!must && await first === page.overview) return;
    const [glance, found] = await Promise.all([first, view.load(route)]);
    page.overview = glance;
    loaded = Date.now();
    if (page.route === route) show(view, route, found);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (page.route === route && page.shown !== route) {
      fill(main, h("h1", {}, view.title), problem(error));
      main.setAttribute("aria-busy", "false");
    }
  } finally {
    if (asking === route) asking = null;
    if (again) { again = false; refresh(); }
  }
}

const problem = error => h("div", { class: "empty bad", role: "alert" }, h("p", {}, plain(error.message)),
  error.status === 404 ? h("p", {}, "Look for it in the ", h("a", { href: "#/history" }, "history"), ".") : h("p", {}, "It is asked for again as soon as something changes."));

function show(view, route, found) {
  if (page.shown && page.shown !== route && page.shown.name !== route.name) fill(main);
  const place = { route, overview: page.overview, readOnly: Boolean(page.overview.read_only), refresh };
  reader.name = page.overview.login ? page.overview.user : "";
  fill(main, view.draw(found, place));
  page.shown = route;
  main.setAttribute("aria-busy", "false");
  const wrong = troubles(page.overview).length, name = view.name ? view.name(found) : view.title;
  document.title = `${wrong ? `(${wrong}) ` : ""}${plain(name)} – notifier`;
  $("readonly").hidden = !page.overview.read_only;
  $("logout").hidden = !page.overview.login;
  drawSide();
}

// ---- the frame

function drawSide() {
  const all = page.overview ? page.overview.types : [], sum = name => all.reduce((total, each) => total + each[name], 0);
  const numbers = { overview: page.overview ? troubles(page.overview).length : 0, waiting: sum("waiting"), dead: sum("dead_letters"), incidents: sum("incidents_open"), silences: page.overview ? page.overview.silences : 0, jobs: page.overview ? page.overview.jobs_overdue.length : 0 };
  const said = { overview: "trouble", waiting: "waiting", dead: "dead letter", incidents: "open", silences: "silence", jobs: "overdue" };
  const here = page.route && page.route.name === "alert" ? "history" : page.route && page.route.name;
  fill($("side"), h("ul", {}, LISTED.map(name => h("li", { key: name },
    h("a", { href: `#/${name}`, "aria-current": here === name ? "page" : null }, icon(name), h("span", { class: "label" }, VIEWS[name].title),
      numbers[name] ? h("span", { class: `number${RED.has(name) ? " bad" : ""}` }, numbers[name].toLocaleString(),
        h("span", { class: "unseen" }, ` ${count(numbers[name], said[name], ["waiting", "incidents", "jobs"].includes(name) ? said[name] : undefined).replace(/^\S+ /, "")}`)) : null)))));
}

function drawConnection() {
  const { state, since } = connection, from = () => at(new Date(since).toISOString());
  const texts = { connecting: ["connecting"], live: ["live"], away: ["not connected since ", from()], redis: [connection.problem.includes("READONLY") ? "Redis is read-only since " : "Redis does not answer since ", from()] };
  const node = $("connection");
  node.className = state;
  fill(node, texts[state]);
  const why = state === "redis" ? plain(connection.problem) : "";
  if ($("problem").textContent !== why) $("problem").textContent = why;
  $("problem").hidden = !why;
  document.body.classList.toggle("stale", state === "away" || state === "redis");
}
connection.changed = drawConnection;

function menu(open) {
  $("menu").setAttribute("aria-expanded", String(open));
  $("side").classList.toggle("open", open);
}
$("menu").append(icon("menu"));
$("menu").onclick = () => menu($("menu").getAttribute("aria-expanded") !== "true");
main.onclick = () => menu(false);
$("skip").onclick = event => { event.preventDefault(); main.focus(); };

const dark = () => document.documentElement.dataset.theme === "dark";
const pressed = () => $("theme").setAttribute("aria-pressed", String(dark()));
$("theme").append(icon("sun"));
$("theme").onclick = () => {
  document.documentElement.dataset.theme = dark() ? "light" : "dark";
  try { localStorage.setItem("notifier.theme", document.documentElement.dataset.theme); } catch { /* it is for this visit alone */ }
};
new MutationObserver(pressed).observe(document.documentElement, { attributeFilter: ["data-theme"] });
pressed();

document.addEventListener("keydown", event => {
  if (event.key === "Escape" && $("menu").getAttribute("aria-expanded") === "true") { menu(false); $("menu").focus(); }
  const isTyping = event.target.closest && event.target.closest("input, select, textarea, dialog");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  if (main.querySelector("#search")) return void main.querySelector("#search").focus();
  toSearch = true;
  location.hash = "#/history";
});

addEventListener("hashchange", go);
setInterval(retime, 1000);
page.route = routeOf(location.hash);
drawSide();
addEventListener("resize", () => { if (page.shown) refresh(); });
follow(look);
