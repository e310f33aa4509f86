import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { fileText, runPlugin, runTwice, summariesOf } from './run-plugin.testdata.ts';
import { parameterPath, sysctl } from './sysctl.ts';

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine({
    files: { '/proc/sys/net/ipv4/ip_forward': '0\n', '/proc/sys/net/ipv4/tcp_rmem': '4096\t131072\t6291456\n' },
  });
});
afterEach(() => test.remove());

describe('sysctl', () => {
  it('sets a parameter, once', async () => {
    expect(await runTwice(test, sysctl, { 'net.ipv4.ip_forward': '1' })).toEqual([true, false]);
    expect(await fileText(test, '/proc/sys/net/ipv4/ip_forward')).toBe('1\n');
  });

  it('knows a list that the kernel prints with tabs', async () => {
    expect(await runTwice(test, sysctl, { 'net.ipv4.tcp_rmem': '4096 131072 6291456' })).toEqual([false, false]);
  });

  it('sets what can only be written', async () => {
    await chmod(join(test.root, '/proc/sys/net/ipv4/ip_forward'), 0o200);
    await runPlugin(test, sysctl, { 'net.ipv4.ip_forward': '1' });
  });

  it.each([
    ['net.ipv4.ip_forward', '/proc/sys/net/ipv4/ip_forward'],
    ['net/ipv4/ip_forward', '/proc/sys/net/ipv4/ip_forward'],
    ['net.ipv4.conf.eth0/1.forwarding', '/proc/sys/net/ipv4/conf/eth0.1/forwarding'],
    ['net/ipv4/conf/eth0.1/forwarding', '/proc/sys/net/ipv4/conf/eth0.1/forwarding'],
    ['debug.exception-trace', '/proc/sys/debug/exception-trace'],
  ])('finds %s at %s', (key, path) => {
    expect(parameterPath(key)).toBe(path);
  });

  it.each(['', 'net', 'net..x', '../../etc/passwd', 'a.//.etc', '/etc/passwd', 'a/../../x', 'a.b c', 'a.b\0'])(
    'refuses the name %j',
    async (key) => {
      const run = runPlugin(test, sysctl, { [key]: '1', 'net.ipv4.ip_forward': '1' });
      await expect(run).rejects.toThrow(/no name of a kernel parameter/);
      expect(await fileText(test, '/proc/sys/net/ipv4/ip_forward')).toBe('1\n');
    },
  );

  it.each<[key: string, message: RegExp]>([
    ['net.ipv4.no_such', /kernel has no parameter net\.ipv4\.no_such/],
    ['net.ipv4', /group of parameters/],
    ['net.ipv4.ip_forward.x', /kernel has no parameter/],
  ])('fails for %s, and sets the others', async (key, message) => {
    await expect(runPlugin(test, sysctl, { [key]: '1', 'net.ipv4.ip_forward': '1' })).rejects.toThrow(message);
    expect(await fileText(test, '/proc/sys/net/ipv4/ip_forward')).toBe('1\n');
  });

  it('is announced with names and values', () => {
    expect(summariesOf(sysctl, { 'vm.swappiness': '10' })).toEqual(['set vm.swappiness = 10']);
  });
});
