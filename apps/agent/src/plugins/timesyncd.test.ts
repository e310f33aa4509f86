import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { fileText, modeOf, runPlugin, runTwice, summariesOf } from './run-plugin.testdata.ts';
import { timesyncd } from './timesyncd.ts';

const PATH = '/etc/systemd/timesyncd.conf.d/10-bowline.conf';
let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine();
});
afterEach(() => test.remove());

describe('timesyncd', () => {
  it('gets a drop-in that it can read', async () => {
    expect(await runTwice(test, timesyncd, { NTP: '192.0.2.1 192.0.2.2', FallbackNTP: '' })).toEqual([true, false]);
    expect(await fileText(test, PATH)).toBe('[Time]\nNTP=192.0.2.1 192.0.2.2\nFallbackNTP=\n');
    expect(await modeOf(test, PATH)).toBe('0644');
    expect(await modeOf(test, '/etc/systemd/timesyncd.conf.d')).toBe('0755');
  });

  it('keeps what an earlier step set', async () => {
    await runPlugin(test, timesyncd, { NTP: 'a', FallbackNTP: 'b' });
    await runPlugin(test, timesyncd, { FallbackNTP: 'c', PollIntervalMinSec: '32' });
    expect(await fileText(test, PATH)).toBe('[Time]\nNTP=a\nFallbackNTP=c\nPollIntervalMinSec=32\n');
  });

  it('does nothing without settings, and refuses two lines in one', () => {
    expect(summariesOf(timesyncd, {})).toEqual([]);
    expect(() => summariesOf(timesyncd, { NTP: 'a\n[Other]' })).toThrow(/single lines/);
  });
});
