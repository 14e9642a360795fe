// Questions before something is done: a dialog, Esc or Cancel does nothing.
import { fill, h, plain } from "./nodes.js";
import { Refused, act } from "./server.js";

const NAME = "notifier.by";
export const reader = { name: "" };  // who is logged in
const me = () => { try { return localStorage.getItem(NAME) || reader.name; } catch { return reader.name; } };
const remember = by => { try { localStorage.setItem(NAME, by); } catch { /* it is asked for again */ } };
export const by = () => ({ name: "by", label: "Who are you?", value: me(), required: true, autocomplete: "name" });
export const why = (required = true) => ({ name: "why", label: required ? "Why?" : "Why? (optional)", required });

function control({ label, options, type, hint, ...more }) {
  if (type === "checkbox") return h("label", { class: "tick-line" }, h("input", { type, ...more }), label);
  return h("label", {}, label, options ? h("select", more, options.map(([value, text]) => h("option", { value }, text))) : h("input", { type: type || "text", maxlength: "200", ...more }), hint ? h("small", { class: "dim" }, hint) : null);
}

// the values that were given, once `done` has succeeded with them; null: it was left
export function ask({ title, text, fields = [], button, danger, done }) {
  return new Promise(resolve => {
    const wrong = h("p", { class: "badtext", role: "alert" }), go = h("button", { class: danger ? "danger" : "main" }, button);
    const close = values => { dialog.close(); dialog.remove(); resolve(values); };
    const form = h("form", { submit: async event => {
      event.preventDefault();
      const values = Object.fromEntries(new FormData(form));
      if (values.by) remember(values.by);
      go.disabled = true;
      try {
        const answer = await done(values);
        close({ values, answer });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        fill(wrong, plain(error.message));
        go.disabled = false;
        go.focus();
      }
    } }, h("h2", { id: "asked" }, title), [text].flat().map(each => each ? h("p", {}, each) : null), fields.map(control), wrong,
    h("div", { class: "line end" }, h("button", { type: "button", click: () => close(null) }, "Cancel"), go));
    const dialog = h("dialog", { "aria-labelledby": "asked" }, form);
    dialog.addEventListener("cancel", event => { event.preventDefault(); close(null); });
    document.body.append(dialog);
    dialog.showModal();
    (form.querySelector("input:not([type=checkbox]), select") || go).focus();
  });
}

let gone = 0;
export function say(text, tone = "good") {
  const said = document.getElementById("said");
  clearTimeout(gone);
  fill(said, h("p", { class: tone }, text));
  gone = setTimeout(() => fill(said), 8000);
}

// an action behind a question, and what is said when it is done
export async function carryOut({ method = "POST", path, body = values => values, said, refresh, ...question }) {
  const found = await ask({ ...question, done: values => act(method, path, body(values)) });
  if (!found) return null;
  say(typeof said === "function" ? said(found.answer) : said);
  await refresh();
  if (document.activeElement === document.body) document.getElementById("main").focus({ preventScroll: true });  // what was pressed is gone
  return found.answer;
}
