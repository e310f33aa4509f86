import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { hostname, nameInHosts } from './hostname.ts';
import { fileText, modeOf, runPlugin, runTwice, summariesOf } from './run-plugin.testdata.ts';

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine({
    files: {
      '/etc/hosts': '127.0.0.1 localhost old\n::1 localhost\n',
      '/proc/sys/kernel/hostname': 'a-much-longer-old-name\n',
    },
  });
});
afterEach(() => test.remove());

describe('hostname', () => {
  it('names the machine everywhere, once', async () => {
    expect(await runTwice(test, hostname, 'edge-1')).toEqual([true, false]);
    expect(await fileText(test, '/etc/hostname')).toBe('edge-1\n');
    expect(await fileText(test, '/etc/hosts')).toBe('127.0.0.1 localhost edge-1\n::1 localhost\n');
    expect(await fileText(test, '/proc/sys/kernel/hostname')).toBe('edge-1\n');
    expect(await modeOf(test, '/etc/hosts')).toBe('0644');
  });

  it('works before there is a /proc, and without /etc/hosts', async () => {
    const bare = await makeTestMachine();
    await runPlugin(bare, hostname, 'edge-1');
    expect(await fileText(bare, '/etc/hosts')).toBe('127.0.0.1 localhost edge-1\n');
    await bare.remove();
  });

  it('writes through a link to a place that lasts', async () => {
    await symlink('/usr/local/etc/hostname', join(test.root, '/etc/hostname'));
    await runPlugin(test, hostname, 'edge-1');
    expect(await fileText(test, '/usr/local/etc/hostname')).toBe('edge-1\n');
  });

  it.each<[what: string, before: string, after: string]>([
    [
      'the line of Debian',
      '127.0.0.1 localhost\n127.0.1.1 old.example.com old\n',
      '127.0.0.1 localhost\n127.0.1.1 n\n',
    ],
    ['a comment', '127.0.0.1\tlocalhost\told # mine\n', '127.0.0.1 localhost n # mine\n'],
    ['a line without localhost', '127.0.0.1 old\n', '127.0.0.1 localhost n\n'],
    [
      'further names of the loopback',
      '127.0.0.1 localhost.localdomain localhost\n',
      '127.0.0.1 localhost.localdomain localhost n\n',
    ],
    [
      'only the first of two lines',
      '127.0.0.1 localhost\n127.0.0.1 app.test\n',
      '127.0.0.1 localhost n\n127.0.0.1 app.test\n',
    ],
    ['no line', '192.0.2.1 server', '127.0.0.1 localhost n\n192.0.2.1 server\n'],
    ['a comment that only looks like one', '#127.0.0.1 x\n', '127.0.0.1 localhost n\n#127.0.0.1 x\n'],
  ])('changes %s of /etc/hosts', (_what, before, after) => {
    expect(nameInHosts(before, 'n')).toBe(after);
  });

  it('adds the short name of a long one', () => {
    expect(nameInHosts('127.0.0.1 localhost\n', 'a.example.com')).toBe('127.0.0.1 localhost a.example.com a\n');
  });

  it('leaves /etc/hosts alone the second time, whatever is in it', () => {
    const line = fc.stringMatching(/^(127\.0\.[01]\.1|::1|192\.0\.2\.1)?[ \t][a-z. \t#-]{0,20}$/);
    fc.assert(
      fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
        const once = nameInHosts(lines.join('\n'), 'edge');
        expect(nameInHosts(once, 'edge')).toBe(once);
      }),
    );
  });

  it.each([
    'a b',
    '-a',
    'a-',
    'a..b',
    '.a',
    'a_b',
    'é',
    'a\nb',
    'x'.repeat(64),
    `${'x'.repeat(60)}.${'y'.repeat(5)}`,
    '  ',
  ])('refuses %j and changes nothing', async (name) => {
    await expect(runPlugin(test, hostname, name)).rejects.toMatchObject({ code: 'STEP_INVALID' });
    expect(await fileText(test, '/etc/hosts')).toContain('old');
  });

  it('is announced with its template', () => {
    expect(summariesOf(hostname, 'edge-{{ trunc 4 .MachineID }}')).toEqual([
      'set host name edge-{{ trunc 4 .MachineID }}',
    ]);
  });
});
