import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { packagePins } from './package-pins.ts';
import { addProgram, fileText, runPlugin, runTwice, summariesOf } from './run-plugin.testdata.ts';

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine({ files: { '/etc/apk/world': 'alpine-base\nkubelet~1.2\n' } });
});
afterEach(() => test.remove());

describe('package_pins', () => {
  it('are refused on an immutable root, with the cure', async () => {
    await expect(runPlugin(test, packagePins, { kubelet: '1.34.1' })).rejects.toMatchObject({ code: 'IMMUTABLE_ROOT' });
  });

  it('are preferences of apt', async () => {
    await addProgram(test, 'apt-get', 'true');
    expect(await runTwice(test, packagePins, { kubelet: '1.34.1-*', jq: '1.7' })).toEqual([true, false]);
    expect(await fileText(test, '/etc/apt/preferences.d/99-bowline-pins')).toBe(
      'Package: kubelet\nPin: version 1.34.1-*\nPin-Priority: 1001\n\nPackage: jq\nPin: version 1.7\nPin-Priority: 1001\n',
    );
  });

  it('are lines of the world of apk, beside those of others', async () => {
    await addProgram(test, 'apk', 'true');
    expect(await runTwice(test, packagePins, { kubelet: '1.34.1' })).toEqual([true, false]);
    expect(await fileText(test, '/etc/apk/world')).toBe('alpine-base\nkubelet=1.34.1\n');
  });

  it('are not there for other package managers', async () => {
    await addProgram(test, 'pacman', 'true');
    await expect(runPlugin(test, packagePins, { a: '1' })).rejects.toThrow(/not supported with pacman/);
  });

  it('refuse what would be another line', () => {
    for (const [name, version] of [
      ['a', '1\nPin: x'],
      ['a b', '1'],
      ['a', ''],
      ['', '1'],
    ] as const) {
      expect(() => summariesOf(packagePins, { [name]: version })).toThrow(/cannot be held|can be held/);
    }
  });
});
