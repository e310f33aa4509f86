import { sentence } from './ask.js';
import { byId, element, fill, show } from './dom.js';

let plan;

export function showPlan(answer) {
  plan = answer;
  const { disk, system, erased, confirmation, warnings, reports, partitions, configurations, firmware } = answer.plan;
  const facts = [
    ['System', `${system.name} ${system.version} (${system.size}), from ${system.origin}`],
    ['Signed', system.signedBy ?? (system.isMedium ? 'you trust this medium' : 'by nobody')],
    ['Disk', [disk.path, disk.size, disk.description].filter(Boolean).join(', ')],
    ['Starts by', firmware],
    ['Configuration', configurations.join(', ') || 'none: only what the image brings'],
  ];
  fill(
    'facts',
    facts.flatMap(([name, value]) => [element('dt', '', name), element('dd', '', value)]),
  );
  byId('erased-card').hidden = confirmation === undefined;
  byId('wanted').textContent = confirmation ?? '';
  byId('confirmation').value = '';
  fill(
    'erased',
    erased.map((line) => element('li', '', line)),
  );
  const notes = [...warnings.map(sentence), ...reports.map(({ key, message }) => `${key}: ${message}.`)];
  byId('warnings-card').hidden = notes.length === 0;
  fill(
    'warnings',
    notes.map((line) => element('li', '', line)),
  );
  fill('partitions', partitions.map(partitionRow));
  byId('install').textContent = confirmation === undefined ? 'Install' : 'Erase and install';
  byId('install').classList.toggle('erases', confirmation !== undefined);
  checkConfirmation();
  show('review');
}

function partitionRow({ label, role, size, later }) {
  const row = element('tr');
  row.append(
    element('td', '', label),
    element('td', '', role === 'state' ? `about ${size}` : size),
    element('td', '', later ? 'at the first start' : 'now'),
  );
  return row;
}

/** The plan that is shown, with the name by which it can be confirmed. */
export const shownPlan = () => plan;

export function checkConfirmation() {
  const wanted = plan.plan.confirmation;
  byId('install').disabled = wanted !== undefined && byId('confirmation').value.trim() !== wanted;
}

