import { STATE_BINDS, STATE_OVERLAYS } from '@bowline/os-layout';
import { AgentError } from '../error.ts';

/** What somebody wants of a reset. */
export interface ResetWish {
  /** Absolute paths of the machine that stay. */
  keep: readonly string[];
  /** The configuration in /oem goes, too. */
  oem: boolean;
  /** False: nothing but /oem goes. */
  state: boolean;
}

/** The same as the initrd reads it; paths are relative to the state. */
export interface ResetRequest {
  keep: readonly string[];
  dropOem: boolean;
}

/** Everything that is on state beside /oem: what a reset of /oem alone keeps. */
const ALL_BUT_OEM = [...STATE_BINDS.filter((name) => name !== 'oem'), 'overlay', 'etc'];
/** The last line of a request: one that was cut off asks for nothing. */
const END = 'end';

/** Throws AgentError USAGE for a path of which nothing outlives a restart anyway, or that no line can name. */
export function resetRequest({ keep, oem, state }: ResetWish): ResetRequest {
  const paths = (state ? keep.map(statePath) : ALL_BUT_OEM).toSorted();
  // The initrd sets one path aside after the other: one below another is set aside with it.
  return { dropOem: oem, keep: paths.filter((path) => !paths.some((above) => path.startsWith(`${above}/`))) };
}

/** Text of the request; one word and a path a line. `drop-oem` must come first. */
export function formatResetRequest({ keep, dropOem }: ResetRequest): string {
  return [...(dropOem ? ['drop-oem'] : []), ...keep.map((path) => `keep ${path}`), END, ''].join('\n');
}

/** Where a path of the machine lies on state. */
function statePath(path: string): string {
  const clean = path.replaceAll(/\/+/g, '/').replace(/(?<=.)\/$/, '');
  if (!clean.startsWith('/') || /(?:^|\/)\.{1,2}(?:\/|$)/.test(clean)) {
    throw unusable(path, 'it is no absolute path');
  }
  // The initrd reads lines and words.
  if (/[\n\\]|\s$|^\s/.test(clean))
    throw unusable(path, 'line breaks, backslashes and blanks at an end cannot be written down');
  const relative = clean.slice(1);
  const isBelow = (top: string): boolean => relative === top || relative.startsWith(`${top}/`);
  if (STATE_BINDS.some(isBelow) || isBelow('etc')) return relative;
  const overlay = STATE_OVERLAYS.find(isBelow);
  if (overlay !== undefined) return `overlay/${overlay}/upper${relative.slice(overlay.length)}`;
  throw unusable(path, 'it is not on the state of this machine');
}

function unusable(path: string, why: string): AgentError {
  const tops = [...STATE_BINDS, ...STATE_OVERLAYS].map((name) => `/${name}`).join(', ');
  return new AgentError({
    code: 'USAGE',
    message: `${JSON.stringify(path.slice(0, 200))} cannot be kept: ${why}.`,
    hint: `What a reset can keep is below ${tops}, and the folders of /etc that live on.`,
  });
}
