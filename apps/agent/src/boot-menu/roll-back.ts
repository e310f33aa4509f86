import { isBad } from '@bowline/os-layout';
import { AgentError } from '../error.ts';
import type { BootMenu, MenuEntry } from './boot-menu.ts';

/** What became of an entry that was made the first. */
export interface Promoted {
  /** The entry the machine starts from now on. */
  entry: MenuEntry;
  /** The one it was before, of the same UKI; equal to `entry` when nothing had to change. */
  before: MenuEntry;
}

/**
 * Makes the version that ran before this one the one that starts: the newest that has proved itself and is older than the
 * running one.
 *
 * @throws AgentError NO_BOOT_ENTRY when there is none
 */
export async function rollBack(menu: BootMenu): Promise<Promoted> {
  const entries = await menu.list();
  const { entry: started } = await menu.started();
  const current = started ?? entries[0];
  const limit = typeof current?.generation === 'number' ? current.generation : Number.POSITIVE_INFINITY;
  const previous = entries.find(
    ({ generation, tries, ukiDigest }) =>
      typeof generation === 'number' && generation < limit && tries === 'good' && ukiDigest !== current?.ukiDigest,
  );
  if (previous !== undefined) return promote(menu, previous);
  throw new AgentError({
    code: 'NO_BOOT_ENTRY',
    message: 'There is no older version that has proved itself, so this machine cannot go back.',
    hint: 'bowline-agent bootentry list shows what there is.',
  });
}

/**
 * Makes a version the one that starts, for good: a new generation names its UKI, and then the old entry goes. A power cut
 * between the two leaves both, which start the same. An entry on trial or bad is as good as proved afterwards, because
 * somebody wanted it.
 */
export async function promote(menu: BootMenu, before: MenuEntry): Promise<Promoted> {
  const entries = await menu.list();
  if (entries[0]?.generation === before.generation && before.tries === 'good') return { entry: before, before };
  const newest = Math.max(...entries.map(({ generation }) => (typeof generation === 'number' ? generation : 0)));
  const entry: MenuEntry = { ...before, generation: newest + 1, tries: 'good' };
  await (await menu.prepare(entry)).commit();
  await menu.remove(before.generation);
  return { entry, before };
}

/** Entries as Kairos calls them; undefined when there is none of that name. */
export function findByName(entries: readonly MenuEntry[], name: string): MenuEntry | undefined {
  const versions = entries.filter((entry) => entry.generation !== 'recovery' && !isBad(entry));
  switch (name) {
    case 'active':
      return versions[0];
    case 'passive':
    case 'fallback':
      return versions[1];
    case 'recovery':
      return entries.find(({ generation }) => generation === 'recovery');
    default: {
      const number = /^(?:bowline-)?([1-9]\d{0,14})$/.exec(name)?.[1];
      return entries.find(({ generation, title }) => String(generation) === number || title === name);
    }
  }
}
