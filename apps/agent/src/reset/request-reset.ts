import { lstat, mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '@bowline/host';
import { ESP_FILES, MACHINE_STATE_FOLDER, STATE_FOLDER } from '@bowline/os-layout';
import { readBootConf } from '../boot-menu/started-as.ts';
import { withEsp } from '../boot-menu/with-boot-menu.ts';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { formatResetRequest, type ResetRequest } from './reset-request.ts';

/**
 * Asks for a reset at the next start of the machine, whichever version that is; the initrd does it. Throws AgentError
 * USAGE when a path to keep is not there, NO_SYSTEM_DISK on a machine that runs from a medium, ESP_UNAVAILABLE.
 */
export async function requestReset(machine: Machine, request: ResetRequest): Promise<void> {
  const { mode } = await readBootConf(machine);
  if (mode === 'live' || mode === 'netboot') throw noState();
  const folder = machine.locate(mode === 'recovery' ? MACHINE_STATE_FOLDER : STATE_FOLDER);
  for (const path of request.keep) await checkKept(folder, path);
  await withEsp(machine, (esp) => writeRequest(join(esp, ESP_FILES.reset), formatResetRequest(request)));
}

/** Takes a request back, if there is one. */
export async function cancelReset(machine: Machine): Promise<void> {
  await withEsp(machine, (esp) => rm(join(esp, ESP_FILES.reset), { force: true }));
}

/** Its last line makes it whole, so it needs no other name first: FAT has no rename that survives every power cut. */
async function writeRequest(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(dirname(path));
}

/** The initrd moves what is kept by its name: a link on the way would lead it elsewhere. */
async function checkKept(folder: string, path: string): Promise<void> {
  const parts = path.split('/');
  for (let length = 1; length <= parts.length; length += 1) {
    const part = parts.slice(0, length).join('/');
    const stats = await lstat(join(folder, part)).catch(() => undefined);
    const why =
      stats === undefined
        ? 'it is not there'
        : stats.isSymbolicLink() && length < parts.length
          ? `/${part} is a link; name the place it leads to`
          : undefined;
    if (why === undefined) continue;
    throw new AgentError({
      code: 'USAGE',
      message: `/${path} cannot be kept: ${why}.`,
      hint: 'Nothing was changed. Name what is there, or leave it out.',
    });
  }
}

function noState(): AgentError {
  return new AgentError({
    code: 'NO_SYSTEM_DISK',
    message: 'This machine runs from a medium or the network: it has no state to reset.',
    hint: 'Start the installed system, or its recovery, and call it there.',
  });
}
