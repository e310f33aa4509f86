import { byId, element, fill, say, show } from './dom.js';
import { showResult } from './result.js';

let shownStep = '';

export function watch() {
  const events = new EventSource('/api/progress');
  events.addEventListener('message', ({ data }) => {
    say();
    const job = JSON.parse(data);
    if (job.state === 'running') return showProgress(job);
    events.close();
    shownStep = '';
    return showResult(job);
  });
  events.addEventListener('error', () => {
    if (events.readyState === EventSource.CLOSED) location.assign('/');
    else say('The connection is lost; trying again.');
  });
}

function showProgress({ system, disk, steps, doneBytes, totalBytes, secondsLeft }) {
  if (byId('progress').hidden) show('progress', `Installing ${system} on ${disk}`);
  const share = totalBytes > 0 ? doneBytes / totalBytes : 0;
  const running = steps.find(({ state }) => state === 'running')?.title ?? 'Beginning';
  byId('bar').value = share;
  byId('step').textContent = running;
  byId('percent').textContent = `${Math.floor(share * 100)} %`;
  byId('left').textContent = secondsLeft === undefined ? 'Working out how long it takes …' : timeLeft(secondsLeft);
  if (running !== shownStep) {
    byId('spoken').textContent = running;
    fill('steps', steps.map(stepItem));
  }
  shownStep = running;
}

function stepItem({ title, state }) {
  const item = element('li', state, title);
  if (state === 'running') item.setAttribute('aria-current', 'step');
  return item;
}

function timeLeft(seconds) {
  if (seconds < 60) return 'Less than a minute left';
  const minutes = Math.ceil(seconds / 60);
  return minutes === 1 ? 'About a minute left' : `About ${minutes} minutes left`;
}

