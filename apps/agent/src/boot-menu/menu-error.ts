import { bootEntryId, type EntryKey } from '@bowline/os-layout';
import { AgentError } from '../error.ts';

/** NO_BOOT_ENTRY: the boot menu does not have the entry, or it cannot be one. */
export function noEntry(generation: EntryKey, why = 'the boot menu does not have it'): AgentError {
  return new AgentError({
    code: 'NO_BOOT_ENTRY',
    message: `${bootEntryId(generation)} cannot be started: ${why}.`,
    hint: 'bowline-agent bootentry list shows what there is.',
  });
}

/** WRITE_FAILED or NO_SPACE, for a file of the ESP. */
export function espWriteFailed(path: string, cause: unknown): AgentError {
  if (cause instanceof AgentError) return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'an unknown error';
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AgentError({
      code: 'NO_SPACE',
      message: `There is no room for ${path} on the EFI system partition.`,
      hint: 'Remove files that are not of this system from it.',
    });
  }
  return new AgentError({
    code: 'WRITE_FAILED',
    message: `${path} of the EFI system partition could not be written (${code}).`,
    hint: 'A disk that fails says so in the kernel log: dmesg.',
  });
}

/** Runs work on files of the ESP, and says which of them failed. Throws AgentError WRITE_FAILED | NO_SPACE, and what the work throws as such. */
export async function explainWrites<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw espWriteFailed(what, error);
  }
}
