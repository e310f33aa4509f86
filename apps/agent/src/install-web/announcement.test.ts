import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { type Announcement, announce, announcementText, withdraw } from './announcement.ts';

const ANNOUNCEMENT: Announcement = {
  addresses: ['192.0.2.7', '2001:db8::7'],
  port: 8443,
  fingerprint: Array.from({ length: 32 }, () => 'AB').join(':'),
  code: 'ACDE-3467',
};

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine({
    files: { '/sys/class/tty/console/active': 'tty0 ttyS0\n', '/dev/tty0': '', '/dev/ttyS0': '' },
  });
});
afterEach(() => test.remove());

describe('what the console says', () => {
  it('is how to install here, and all that a browser needs', () => {
    const text = announcementText(ANNOUNCEMENT);
    expect(text).toContain('bowline-agent install\n');
    expect(text).toContain('https://192.0.2.7:8443/\n');
    expect(text).toContain('https://[2001:db8::7]:8443/\n');
    expect(text).toContain('ACDE-3467\n');
    expect(text.replaceAll(/[^A-F:]/g, '')).toContain('AB:AB:AB');
    expect(text.match(/AB/g)).toHaveLength(32);
  });

  it('fits on every console: 80 columns of ASCII, without tabs', () => {
    for (const addresses of [[], ['2001:db8:1234:5678:9abc:def0:1234:5678']]) {
      for (const line of announcementText({ ...ANNOUNCEMENT, addresses }).split('\n')) {
        expect(line).toMatch(/^[\x20-\x7e]{0,79}$/);
      }
    }
  });

  it('is on every console, and above every login prompt, for root to read only', async () => {
    await announce(test.machine, ANNOUNCEMENT);
    for (const name of ['tty0', 'ttyS0']) {
      expect(await readFile(join(test.root, 'dev', name), 'utf8')).toContain('ACDE-3467\r\n');
    }
    const issue = join(test.root, 'run/issue.d/60-bowline-install.issue');
    expect(await readFile(issue, 'utf8')).toBe(announcementText(ANNOUNCEMENT));
    expect((await stat(issue)).mode & 0o777).toBe(0o600);
    const motd = join(test.root, 'run/motd.d/60-bowline-install');
    expect(await readFile(motd, 'utf8')).toMatch(/^This is a live system.*bowline-agent install\n$/);
    await withdraw(test.machine);
    await expect(stat(motd)).rejects.toThrow(/ENOENT/);
    await expect(stat(issue)).rejects.toThrow(/ENOENT/);
  });

  it('is one line where only the code is new, and all of it where an address is', async () => {
    const consoleOf = () => readFile(join(test.root, 'dev/tty0'), 'utf8');
    await announce(test.machine, { ...ANNOUNCEMENT, code: 'CCCC-CCCC' }, ANNOUNCEMENT);
    expect(await consoleOf()).toBe('Code for the installation from a browser: CCCC-CCCC\r\n');
    await announce(test.machine, { ...ANNOUNCEMENT, addresses: ['192.0.2.8'] }, ANNOUNCEMENT);
    expect(await consoleOf()).toContain('https://192.0.2.8:8443/');
  });

  it('is shown again by prompts that wait, where there is agetty', async () => {
    await mkdir(join(test.root, 'sbin'));
    await writeFile(join(test.root, 'sbin/agetty'), '#!/bin/sh\necho "$@" >"${0%/*}/asked"\n', { mode: 0o755 });
    await announce(test.machine, ANNOUNCEMENT);
    expect(await readFile(join(test.root, 'sbin/asked'), 'utf8')).toBe('--reload\n');
  });
});
