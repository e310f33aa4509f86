import { ask } from './ask.js';
import { byId, element, fill } from './dom.js';

function diskChoice(disk, selected) {
  const label = element('label', 'disk');
  const radio = element('input');
  radio.type = 'radio';
  radio.name = 'disk';
  radio.value = disk.path;
  radio.disabled = disk.unfit !== undefined;
  radio.checked = !radio.disabled && disk.path === selected;
  const head = element('span', 'head');
  head.append(element('span', '', disk.path), element('span', '', disk.size));
  label.append(radio, head);
  if (disk.description) label.append(element('span', 'about', disk.description));
  if (disk.unfit !== undefined) label.append(element('span', 'what', `Cannot be used: ${disk.unfit}`));
  else if (disk.content.length === 0) label.append(element('span', 'what', 'Empty'));
  else label.append(element('span', 'what holds', `Holds ${disk.content.join(', ')}`));
  return label;
}

export function showMachine({ hostname, arch, version, disks, configurations }) {
  byId('machine').textContent = [hostname, arch, `agent ${version}`].filter(Boolean).join(' · ');
  const fit = disks.filter(({ unfit }) => unfit === undefined);
  const selected = chosenDisk() ?? (fit.length === 1 ? fit[0].path : undefined);
  const none = element('p', 'hint', 'There is no disk that could be used.');
  fill('disks', disks.length === 0 ? [none] : disks.map((disk) => diskChoice(disk, selected)));
  byId('given').hidden = configurations.length === 0;
  byId('given').textContent = `This machine was given a configuration already (${configurations.join(', ')}); it is installed, too.`;
}

export function chosenDisk() {
  return document.querySelector('input[name=disk]:checked')?.value;
}

export const mode = () => document.querySelector('input[name=mode]:checked').value;

export function showMode() {
  byId('form-fields').hidden = mode() !== 'form';
  byId('text-fields').hidden = mode() !== 'text';
}

/** The configuration of the first user; undefined when an answer is wrong, which is then shown. */
export async function firstUser() {
  const fields = ['hostname', 'user', 'password', 'keys'];
  const answers = Object.fromEntries(fields.map((field) => [field, byId(field).value]));
  const { problems, config } = await ask('/api/first-user', answers);
  for (const field of fields) {
    byId(`${field}-problem`).textContent = problems[field] ?? '';
    if (problems[field]) byId(field).setAttribute('aria-invalid', 'true');
    else byId(field).removeAttribute('aria-invalid');
  }
  document.querySelector('#form-fields [aria-invalid=true]')?.focus();
  return config;
}

