import { ask, sentence } from './ask.js';
import { byId, element, fill, show } from './dom.js';

export function showResult({ state, system, disk, error, result }) {
  const done = state === 'done';
  byId('result-card').classList.toggle('danger', !done);
  byId('again').hidden = done;
  byId('reboot').hidden = !done;
  byId('poweroff').hidden = !done;
  byId('result-text').textContent = done
    ? `${system} is on ${disk}. It was read back and is right.`
    : [sentence(error.message), error.hint, 'No disk starts with half a system: you can start over.'].filter(Boolean).join(' ');
  fill(
    'result-warnings',
    (result?.warnings ?? []).map((line) => element('li', '', sentence(line))),
  );
  const first = { reboot: 'The machine restarts by itself in a moment.', poweroff: 'The machine switches off by itself in a moment.' };
  const next = done
    ? [
        first[result.after] ?? 'Restart the machine, and take the medium out as it goes down.',
        'The first start completes the disk and takes a minute longer.',
        'Log in as the user of your configuration. This page is gone then.',
      ]
    : [];
  fill(
    'next',
    next.map((line) => element('li', '', line)),
  );
  show('result', done ? 'Installed' : 'The installation failed');
}

export async function end(how) {
  await ask('/api/end', { how });
  byId('end-actions').hidden = true;
  fill('next', [element('li', '', how === 'reboot' ? 'The machine restarts now.' : 'The machine switches off now.')]);
}

