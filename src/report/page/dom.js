// Elements. Texts only ever become text nodes: nothing of a trace is taken for markup.

const byId = (id) => document.getElementById(id);

/** An element with properties and children; strings become text. */
function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") element.className = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A button that looks like a link and does something. */
const link = (text, onclick, title) => h("button", { class: "link", type: "button", onclick, title }, text);

/** Tells those who listen to the page instead of looking at it. */
function say(text) {
  byId("status").textContent = text;
}
