import { PAGE_FILES } from './page-files.ts';
import type { Reply } from './replies.ts';

/** Where the page says what became of the last try. */
const NOTICE = '<!-- notice -->';

/** The page that asks for the code. `triesLeft`: after a wrong one. */
export function loginPage(after: { pauseMs: number; triesLeft?: number }): Reply {
  const seconds = Math.ceil(after.pauseMs / 1000);
  const body = PAGE_FILES.login.replace(NOTICE, notice(seconds, after.triesLeft));
  if (seconds > 0) return { status: 429, type: 'html', body, headers: { 'retry-after': String(seconds) } };
  return { status: after.triesLeft === undefined ? 200 : 403, type: 'html', body };
}

function notice(seconds: number, triesLeft: number | undefined): string {
  if (seconds > 0) {
    return alert(`Too many wrong codes. In ${seconds} seconds the console shows a new one; nothing works until then.`);
  }
  if (triesLeft === undefined) return '';
  return alert(`This is not the code. ${triesLeft === 1 ? 'One try is' : `${triesLeft} tries are`} left.`);
}

function alert(text: string): string {
  return `<p class="notice bad" role="alert" id="notice">${text}</p>`;
}
