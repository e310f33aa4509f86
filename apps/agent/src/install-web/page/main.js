import { act, ask } from './ask.js';
import { chosenDisk, firstUser, mode, showMachine, showMode } from './choose.js';
import { check, checkSoon } from './editor.js';
import { byId, say, show } from './dom.js';
import { watch } from './progress.js';
import { end } from './result.js';
import { checkConfirmation, shownPlan, showPlan } from './review.js';

function onClick(id, work) {
  byId(id).addEventListener('click', () => void act(byId(id), work));
}

/** `over`: a failure that is known is not shown again. */
async function start(over = false) {
  show('choose');
  const machine = await ask('/api/machine');
  showMachine(machine);
  const { state } = machine.job;
  if (state === 'running' || state === 'done' || (state === 'failed' && !over)) watch();
}

onClick('look-again', async () => showMachine(await ask('/api/machine')));
for (const radio of document.querySelectorAll('input[name=mode]')) radio.addEventListener('change', showMode);
onClick('as-text', async () => {
  const config = await firstUser();
  if (config === undefined) return;
  byId('config').value = config;
  byId('mode-text').click();
  byId('config').focus();
  await check();
});
byId('config').addEventListener('input', checkSoon);
byId('file').addEventListener('change', () => {
  void act(byId('file'), async () => {
    const [file] = byId('file').files;
    if (file === undefined) return;
    byId('config').value = await file.text();
    byId('file').value = '';
    await check();
  });
});
byId('choose').addEventListener('submit', (event) => {
  event.preventDefault();
  void act(event.submitter, async () => {
    const disk = chosenDisk();
    if (disk === undefined) {
      document.querySelector('input[name=disk]:enabled')?.focus();
      throw new Error('Choose a disk.');
    }
    const config = mode() === 'text' ? byId('config').value : await firstUser();
    if (config !== undefined) showPlan(await ask('/api/plan', { disk, config }));
  });
});
byId('confirmation').addEventListener('input', checkConfirmation);
byId('back').addEventListener('click', () => show('choose'));
byId('review').addEventListener('submit', (event) => {
  event.preventDefault();
  void act(byId('install'), async () => {
    await ask('/api/install', { id: shownPlan().id, confirmation: byId('confirmation').value });
    watch();
  });
});
onClick('stop', async () => {
  if (confirm('Stop the installation? The disk then starts nothing.')) await ask('/api/stop', {});
});
onClick('again', () => start(true));
onClick('reboot', () => end('reboot'));
onClick('poweroff', () => end('poweroff'));
showMode();
start().catch((error) => say(error.message));
