import { lstat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { dns } from './dns.ts';
import { fileText, modeOf, runPlugin, runTwice, summariesOf } from './run-plugin.testdata.ts';

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine({
    files: { '/etc/resolv.conf': 'nameserver 127.0.0.53\n', '/run/stub.conf': 'stub\n' },
  });
});
afterEach(() => test.remove());

describe('dns', () => {
  it.each<[what: string, config: Parameters<typeof dns.actions>[0], text: string]>([
    ['one server', { nameservers: ['192.0.2.1'] }, 'nameserver 192.0.2.1\n'],
    [
      'everything',
      { nameservers: ['192.0.2.1', '2001:db8::1'], search: ['a.example', 'b.example'], options: ['rotate', 'ndots:2'] },
      'search a.example b.example\nnameserver 192.0.2.1\nnameserver 2001:db8::1\noptions rotate ndots:2\n',
    ],
    ['a dot, which means no search domain', { nameservers: ['192.0.2.1'], search: ['.'] }, 'nameserver 192.0.2.1\n'],
    ['empty options', { nameservers: ['192.0.2.1'], options: [''] }, 'nameserver 192.0.2.1\n'],
  ])('writes %s', async (_what, config, text) => {
    expect(await runTwice(test, dns, config)).toEqual([true, false]);
    expect(await fileText(test, '/etc/resolv.conf')).toBe(text);
    expect(await modeOf(test, '/etc/resolv.conf')).toBe('0644');
  });

  it('writes another file when told', async () => {
    await runPlugin(test, dns, { nameservers: ['192.0.2.1'], path: '/etc/resolv.conf.bak' });
    expect(await fileText(test, '/etc/resolv.conf.bak')).toBe('nameserver 192.0.2.1\n');
    expect(await fileText(test, '/etc/resolv.conf')).toContain('127.0.0.53');
  });

  it('does nothing without name servers', () => {
    expect(summariesOf(dns, { search: ['a.example'] })).toEqual([]);
    expect(summariesOf(dns, { nameservers: [] })).toEqual([]);
  });

  it('replaces a link, and leaves the file of the resolver alone', async () => {
    await symlink('/run/stub.conf', join(test.root, '/etc/link.conf'));
    expect(await runTwice(test, dns, { nameservers: ['192.0.2.1'], path: '/etc/link.conf' })).toEqual([true, false]);
    expect((await lstat(join(test.root, '/etc/link.conf'))).isFile()).toBe(true);
    expect(await fileText(test, '/run/stub.conf')).toBe('stub\n');
  });

  it('refuses values that would be two lines', () => {
    expect(() => summariesOf(dns, { nameservers: ['192.0.2.1\noptions x'] })).toThrow(/single words/);
  });
});
