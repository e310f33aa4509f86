import { findHeader, holdsHeader } from './header.ts';

/**
 * Whether a text is meant as a configuration of a machine, not as a bowl: it has a header, or nothing at the start of any line
 * that a bowl has. Broken files are told apart too.
 */
export function isMachineText(text: string): boolean {
  if (findHeader(text)) return true;
  if (/^(apiVersion:\s*["']?bowline\/|extends:|base:)/m.test(text)) return false;
  return holdsHeader(text) || /^(stages|kind):/m.test(text) || !/^apiVersion:/m.test(text);
}
