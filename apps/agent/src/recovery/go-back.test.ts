import { mkdir } from 'node:fs/promises';
import { ESP_FOLDER } from '@bowline/os-layout';
import { afterEach, describe, expect, it } from 'vitest';
import { readEspReason } from '../assess/esp-reason.ts';
import type { MenuEntry } from '../boot-menu/boot-menu.ts';
import { FakeBootMenu } from '../boot-menu/fake-boot-menu.ts';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { findWayBack } from './go-back.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
let test: TestMachine | undefined;
afterEach(() => test?.remove());

async function recovery(tries: MenuEntry['tries'], others: MenuEntry['tries'][], byFirmware = true) {
  test = await makeTestMachine();
  await mkdir(test.machine.locate(ESP_FOLDER), { recursive: true });
  const menu = new FakeBootMenu();
  menu.ukis.set(DIGEST, 1);
  const entry = (generation: MenuEntry['generation'], of: MenuEntry['tries']): MenuEntry => ({
    generation,
    title: 'T',
    ukiDigest: DIGEST,
    tries: of,
  });
  menu.entries = [entry(7, tries), ...others.map((of, index) => entry(6 - index, of)), entry('recovery', 'good')];
  menu.startedAs = { entry: menu.entries[0], recoveryByFirmware: byFirmware };
  const { machine } = test;
  return { machine, menu, find: () => findWayBack(machine, (work) => work(menu)) };
}

describe('a recovery that the firmware started because it refused a version', () => {
  it('marks that version bad and goes back to a good one', async () => {
    const { machine, menu, find } = await recovery({ left: 2, done: 1 }, ['good']);
    expect(await find()).toEqual({ refused: 'bowline-7', instead: 'bowline-6' });
    expect(menu.entries[0]?.tries).toMatchObject({ left: 0 });
    expect(await readEspReason(machine)).toMatchObject({ entry: 'bowline-7' });
  });

  it('stays when nothing else can start', async () => {
    const { find } = await recovery('good', [{ left: 0, done: 3 }]);
    expect(await find()).toEqual({ refused: 'bowline-7', instead: undefined });
  });

  it('stays after it went back once: it is no reset loop', async () => {
    const { find } = await recovery({ left: 0, done: 3 }, ['good']);
    expect(await find()).toEqual({ refused: undefined, instead: undefined });
  });

  it('does nothing when somebody chose the recovery', async () => {
    const { menu, find } = await recovery('good', ['good'], false);
    expect(await find()).toEqual({ refused: undefined, instead: undefined });
    expect(menu.entries[0]?.tries).toBe('good');
  });
});
