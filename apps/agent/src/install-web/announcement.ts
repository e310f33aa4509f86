import { mkdir, rm } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { writeFileAtomic } from '@bowline/host';
import { writeToConsoles } from '../install/consoles.ts';
import type { Machine } from '../machine/machine.ts';
import { runProgram } from '../machine/run-program.ts';

/** Above the login prompt: agetty(8) shows it. */
const ISSUE_FILE = '/run/issue.d/60-bowline-install.issue';

/** For who has logged in (pam_motd(8)); everybody may read it, so there is no code in it. */
const MOTD_FILE = '/run/motd.d/60-bowline-install';
const MOTD = 'This is a live system; nothing is kept. To install it, as root: bowline-agent install\n';
const RELOAD_MS = 10_000;

/** What the console says. */
export interface Announcement {
  addresses: readonly string[];
  port: number;
  fingerprint: string;
  code: string;
}

/** The addresses of this machine that others reach it by: no loopback, and none that is for one link only. */
export function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all
    .filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address) && !address.startsWith('169.254.'))
    .toSorted((a, b) => (a.family === b.family ? 0 : a.family === 'IPv4' ? -1 : 1))
    .map(({ address }) => address);
}

/** Plain ASCII: a console may know nothing else. */
export function announcementText({ addresses, port, fingerprint, code }: Announcement): string {
  const urls = addresses.map((address) => `https://${address.includes(':') ? `[${address}]` : address}:${port}/`);
  const [first = 'once this machine has an address: look here again', ...more] = urls;
  const middle = fingerprint.length / 2;
  return [
    '',
    'Install this system:',
    '  here             log in, then as root:  bowline-agent install',
    `  from a browser   ${first}`,
    ...more.map((url) => `                   ${url}`),
    `  code             ${code}`,
    `  SHA-256 of its   ${fingerprint.slice(0, middle)}`,
    `  certificate      ${fingerprint.slice(middle).replace(/^:/, '')}`,
    '',
    '',
  ].join('\n');
}

/**
 * Shows it on every console, and above every login prompt. The code is in no journal: it goes past standard output. Where only the
 * code is another than `before`, a console gets one line: somebody may be at work there, and strangers can wear codes out.
 */
export async function announce(machine: Machine, announcement: Announcement, before?: Announcement): Promise<void> {
  const text = announcementText(announcement);
  const issue = machine.locate(ISSUE_FILE);
  const motd = machine.locate(MOTD_FILE);
  for (const file of [issue, motd]) await mkdir(dirname(file), { recursive: true });
  await writeFileAtomic(issue, text, 0o600);
  await writeFileAtomic(motd, MOTD);
  const isKnown = before !== undefined && announcementText({ ...before, code: announcement.code }) === text;
  await writeToConsoles(machine, isKnown ? `Code for the installation from a browser: ${announcement.code}` : text);
  // Prompts that nobody types at are shown again, with it.
  await runProgram(machine, 'agetty', ['--reload'], { timeoutMs: RELOAD_MS }).catch(() => undefined);
}

/** Takes the words above and below the login prompt away: they are worth nothing any more. */
export async function withdraw(machine: Machine): Promise<void> {
  for (const file of [ISSUE_FILE, MOTD_FILE]) await rm(machine.locate(file), { force: true });
}
