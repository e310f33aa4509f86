import { constants } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { writeFileAtomic } from '@bowline/host';
import type { Machine } from '../machine/machine.ts';

/** Above the login prompt: agetty(8) shows it. */
const ISSUE_FILE = '/run/issue.d/60-bowline-install.issue';
const CONSOLE = '/dev/console';

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
    '  here             log in as root, then:  bowline-agent install',
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
 * Shows it on the console, and above every login prompt. The code is in no journal: it goes past standard output.
 * A console that cannot be written is no failure: the issue is there still.
 */
export async function announce(machine: Machine, announcement: Announcement): Promise<void> {
  const text = announcementText(announcement);
  const issue = machine.locate(ISSUE_FILE);
  await mkdir(dirname(issue), { recursive: true });
  await writeFileAtomic(issue, text, 0o600);
  await writeConsole(machine.locate(CONSOLE), text.replaceAll('\n', '\r\n')).catch(() => undefined);
}

/** Takes the words above the login prompt away: they are worth nothing any more. */
export async function withdraw(machine: Machine): Promise<void> {
  await rm(machine.locate(ISSUE_FILE), { force: true });
}

async function writeConsole(path: string, text: string): Promise<void> {
  await using file = await open(path, constants.O_WRONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
  await file.write(text);
}
