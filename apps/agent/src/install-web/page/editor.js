import { ask, sentence } from './ask.js';
import { byId, element, fill, say } from './dom.js';

const SILENCE_MS = 400;

let silence;
let checks = 0;

/** Checks once nobody types. */
export function checkSoon() {
  clearTimeout(silence);
  silence = setTimeout(() => check().catch((error) => say(error.message)), SILENCE_MS);
}

export async function check() {
  const text = byId('config').value;
  const number = ++checks;
  if (text.trim() === '') return showVerdict('', '', []);
  const { usable, problems, notApplied } = await ask('/api/validate', { config: text });
  // A later one was faster.
  if (number !== checks) return undefined;
  const unused = notApplied.map(({ key, reason }) => ({ message: `"${key}" has no effect: ${reason}`, severity: 'warning' }));
  const all = [...problems, ...unused];
  if (!usable) return showVerdict('This cannot be used.', 'bad', all);
  if (all.length === 0) return showVerdict('No problems found.', 'good', all);
  return showVerdict(all.length === 1 ? 'One problem; the rest is used.' : `${all.length} problems; the rest is used.`, '', all);
}

function showVerdict(text, kind, problems) {
  byId('verdict').textContent = text;
  byId('verdict').className = `verdict ${kind}`;
  fill('problems', problems.map(problemItem));
}

function problemItem({ line, column, message, suggestion, severity }) {
  const item = element('li', severity);
  const button = element('button');
  button.type = 'button';
  const cure = suggestion === undefined ? '' : ` Did you mean “${suggestion}”?`;
  const place = line === undefined ? 'Whole text' : `Line ${line}:${column}`;
  button.append(element('span', 'place', place), element('span', 'what', `${sentence(message)}${cure}`));
  button.addEventListener('click', () => selectLine(line ?? 1));
  item.append(button);
  return item;
}

function selectLine(number) {
  const editor = byId('config');
  const lines = editor.value.split('\n');
  const start = lines.slice(0, number - 1).join('\n').length + (number > 1 ? 1 : 0);
  editor.focus();
  editor.setSelectionRange(start, start + (lines[number - 1]?.length ?? 0));
  const height = Number.parseFloat(getComputedStyle(editor).lineHeight);
  editor.scrollTop = Math.max(0, (number - 4) * height);
}

