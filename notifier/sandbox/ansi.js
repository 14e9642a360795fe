"use strict";
// The colours of a code block in the language "ansi": bold, underline, eight foregrounds, eight backgrounds.
const Ansi = {
  draw(text) {
    const out = [];
    let classes = new Set();
    text.split(/(\x1b\[[\d;]*m)/).forEach((piece, index) => {
      if (index % 2 === 0) return piece && out.push(classes.size ? el("span", { class: [...classes].join(" ") }, piece) : piece);
      for (const code of piece.slice(2, -1).split(";").map(Number)) {
        if (code === 0) classes = new Set();
        else if (code === 1 || code === 4 || (code >= 30 && code <= 37) || (code >= 40 && code <= 47)) {
          for (const old of classes) if (code >= 30 && old[5] === String(code)[0] && old.length === 7) classes.delete(old);
          classes.add("ansi-" + code);
        }
      }
    });
    return out;
  },
};
