import {
  bootEntryName,
  bootEntryText,
  ENTRY_FOLDER,
  ESP_FILES,
  espRecord,
  loaderConfigText,
  ukiPath,
} from '@bowline/os-layout';
import { AgentError } from '../error.ts';
import { grubFiles } from './grub-files.ts';
import { BOOT_LOADER_FILES, SECOND_BOOT_LOADER_FILES } from './loader-files.ts';
import type { InstallPlan } from './plan.ts';
import type { SourceFile } from './source.ts';

/** A file of the EFI system partition: its bytes, or where they come from. */
export type BootFile = Uint8Array | SourceFile;

/** The first version on a machine has no predecessor to go back to, so its entry is not counted. */
const FIRST_GENERATION = 1;
/** Names of the configurations: 90 to 99, as many as anybody gives. */
const FIRST_NUMBER = 90;
const MAX_CONFIGURATIONS = 10;

/** Everything that goes to the EFI system partition of the installed disk, by path. */
export async function bootFiles(
  plan: InstallPlan,
  { uki, bootLoader }: { uki: Uint8Array | (SourceFile & { sha256: string }); bootLoader: SourceFile },
  ukiDigest: string,
): Promise<Map<string, BootFile>> {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const { arch } = plan.system;
  const entry = { generation: FIRST_GENERATION, title: plan.title, ukiDigest };
  return new Map<string, BootFile>([
    [BOOT_LOADER_FILES[arch], bootLoader],
    [SECOND_BOOT_LOADER_FILES[arch], bootLoader],
    ['loader/loader.conf', text(loaderConfigText())],
    ['loader/entries.srel', text('type1\n')],
    [`${ENTRY_FOLDER}/${bootEntryName(FIRST_GENERATION, 'good')}`, espRecord(bootEntryText(entry))],
    [ukiPath(ukiDigest), uki],
    // Written in place from the first start on.
    [ESP_FILES.starts, espRecord('')],
    [ESP_FILES.reason, espRecord('')],
    ...firstBootFiles(plan),
    ...(plan.firmware.includes('bios') && uki instanceof Uint8Array ? await grubFiles(entry, uki) : []),
  ]);
}

function firstBootFiles({ configurations }: InstallPlan): [string, Uint8Array][] {
  const unnamed = configurations.filter(({ name }) => name === undefined);
  if (unnamed.length > MAX_CONFIGURATIONS) {
    throw new AgentError({
      code: 'CONFIG_INVALID',
      message: `install: ${unnamed.length} configurations were given, at most ${MAX_CONFIGURATIONS} are passed on.`,
      hint: 'Write them into fewer files.',
    });
  }
  return configurations.map((configuration) => {
    const name = configuration.name ?? `${FIRST_NUMBER + unnamed.indexOf(configuration)}_custom.yaml`;
    return [`${ESP_FILES.firstBoot}/${name}`, new TextEncoder().encode(configuration.text)];
  });
}
