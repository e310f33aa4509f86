import { say } from './dom.js';

/** Asks the machine; a failure is an Error with its sentence and cure. */
export async function ask(path, fields) {
  const init = fields && {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-bowline': '1' },
    body: JSON.stringify(fields),
  };
  const response = await fetch(path, init).catch(() => {
    throw new Error('The machine does not answer.');
  });
  if (response.status === 401) {
    location.assign('/');
    throw new Error('The session has ended.');
  }
  const answer = await response.json();
  if (response.ok) return answer;
  const { message, hint } = answer.error;
  throw new Error([sentence(message), hint].filter(Boolean).join(' '));
}

/** A message as a sentence; a key at its beginning stays as it is written. */
export function sentence(text) {
  const first = /^[a-z]+ /.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/** Runs what a button does: one at a time, and what fails is said. */
export async function act(button, work) {
  say();
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    say(error.message);
  } finally {
    button.disabled = false;
  }
}

