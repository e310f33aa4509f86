// Texts of the machine become text nodes only, never markup.

const VIEWS = ['choose', 'review', 'progress', 'result'];
const TITLES = { choose: 'Install this machine', review: 'Review the installation' };

let view;

export const byId = (id) => document.getElementById(id);

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function fill(id, items) {
  byId(id).replaceChildren(...items);
}

/** Says what went wrong; nothing takes it away. */
export function say(message) {
  byId('notice').textContent = message ?? '';
  byId('notice').hidden = !message;
  if (message) byId('notice').scrollIntoView({ block: 'nearest' });
}

/** Shows one part of the page, and puts readers of the screen at its title. */
export function show(name, title = TITLES[name]) {
  byId('title').textContent = title;
  document.title = `${title} – Bowline`;
  for (const other of VIEWS) byId(other).hidden = other !== name;
  if (view !== undefined && view !== name) {
    scrollTo(0, 0);
    byId('title').focus();
  }
  view = name;
}

