import { describe, expect, it } from 'vitest';
import type { MenuEntry } from './boot-menu.ts';
import { FakeBootMenu } from './fake-boot-menu.ts';
import { findByName, promote, rollBack } from './roll-back.ts';

const digestOf = (version: string) => `sha256:${version.repeat(64)}`;

/** A menu of `generation: version` pairs; `running` was started. */
function menuOf(versions: Record<number, string>, running: number, tries: Record<number, MenuEntry['tries']> = {}) {
  const menu = new FakeBootMenu();
  menu.entries = Object.entries(versions).map(([generation, version]) => ({
    generation: Number(generation),
    title: `edge ${version}`,
    ukiDigest: digestOf(version),
    tries: tries[Number(generation)] ?? 'good',
  }));
  for (const { ukiDigest } of menu.entries) menu.ukis.set(ukiDigest, 1);
  menu.startedAs = { entry: menu.entries.find(({ generation }) => generation === running), recoveryByFirmware: false };
  return menu;
}

const versions = async (menu: FakeBootMenu) => (await menu.list()).map((entry) => `${entry.generation} ${entry.title}`);

describe('going back by hand', () => {
  it('gives the version before a new generation, and its old entry goes', async () => {
    const menu = menuOf({ 1: 'a', 2: 'b' }, 2);
    const { entry, before } = await rollBack(menu);
    expect([entry.generation, before.generation]).toEqual([3, 1]);
    expect(await versions(menu)).toEqual(['3 edge a', '2 edge b']);
    menu.startedAs = { entry, recoveryByFirmware: false };
    await rollBack(menu);
    expect(await versions(menu)).toEqual(['4 edge b', '3 edge a']);
  });

  it('never goes to what has not proved itself', async () => {
    const bad = { left: 0, done: 3 };
    const menu = menuOf({ 1: 'a', 2: 'b', 3: 'c' }, 3, { 2: bad });
    expect((await rollBack(menu)).entry.ukiDigest).toBe(digestOf('a'));
    await expect(rollBack(menuOf({ 1: 'a', 2: 'b' }, 2, { 1: bad }))).rejects.toMatchObject({ code: 'NO_BOOT_ENTRY' });
    await expect(rollBack(menuOf({ 2: 'b' }, 2))).rejects.toMatchObject({ code: 'NO_BOOT_ENTRY' });
    await expect(rollBack(menuOf({ 1: 'a', 2: 'b' }, 1))).rejects.toMatchObject({ code: 'NO_BOOT_ENTRY' });
  });

  it('goes back from a version on trial', async () => {
    const menu = menuOf({ 1: 'a', 2: 'b' }, 2, { 2: { left: 2, done: 1 } });
    await rollBack(menu);
    expect(await versions(menu)).toEqual(['3 edge a', '2 edge b']);
  });
});

describe('choosing a version for good', () => {
  it('changes nothing when it starts anyhow', async () => {
    const menu = menuOf({ 1: 'a', 2: 'b' }, 1);
    const [first] = await menu.list();
    if (first === undefined) throw new Error('no entry');
    expect(await promote(menu, first)).toEqual({ entry: first, before: first });
    expect(await versions(menu)).toEqual(['2 edge b', '1 edge a']);
  });

  it('takes names of Kairos, numbers, and titles', async () => {
    const menu = menuOf({ 1: 'a', 2: 'b', 3: 'c' }, 3, { 3: { left: 0, done: 3 } });
    menu.entries.push({ generation: 'recovery', title: 'R', ukiDigest: digestOf('a'), tries: 'good' });
    const entries = await menu.list();
    const found = ['active', 'passive', 'fallback', 'recovery', '3', 'bowline-1', 'edge b', '9', 'statereset', ''].map(
      (name) => findByName(entries, name)?.generation,
    );
    expect(found).toEqual([2, 1, 1, 'recovery', 3, 1, 2, undefined, undefined, undefined]);
  });
});
