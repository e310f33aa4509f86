import { constants, copyFile, open, rename } from 'node:fs/promises';
import { constants as zlib, zstdCompressSync } from 'node:zlib';
import { TarParser } from '@bowline/formats';
import { exists } from './base-tar.ts';

/** The files of Debian's openssl, libssl3t64 and openssl-provider-legacy that are programs. */
const CHANGED = /(?:\/lib(?:ssl|crypto)\.so\.3|\/(?:engines-3|ossl-modules)\/[^/]+\.so|^usr\/bin\/openssl)$/;
const STATUS = 'var/lib/dpkg/status';
/** Version of those packages in the database, where it says what is installed. */
const VERSION = /(Package: (?:openssl|libssl3t64|openssl-provider-legacy)\n(?:[^\n]+\n)*?Version: 3\.)(\d)/g;
const READ_BYTES = 2 ** 20;
const ZSTD_LEVEL = 3;

/** What an update changed. */
export interface Update {
  path: string;
  files: number;
  bytes: number;
  /** The changed files, each compressed as squashfs would (zstd 3). */
  compressedBytes: number;
}

/**
 * Makes a copy of a Debian tree, a tar, in which OpenSSL is another version: two versions of it at a time cannot be had from one
 * mirror for long, so every byte of its programs is altered, by the same mask: they compress as before and have nothing in common with
 * what they were. The package database says another version.
 */
export async function updateOpenssl(base: string, path: string): Promise<Update> {
  const temporary = `${path}.tmp`;
  await copyFile(base, temporary, constants.COPYFILE_FICLONE);
  const file = await open(temporary, 'r+');
  const update: Update = { path, files: 0, bytes: 0, compressedBytes: 0 };
  try {
    const change = async (offset: number, size: number, alter: (content: Buffer) => void): Promise<void> => {
      const content = Buffer.alloc(size);
      await file.read(content, 0, size, offset);
      alter(content);
      await file.write(content, 0, size, offset);
      update.files += 1;
      update.bytes += size;
      update.compressedBytes += zstdCompressSync(content, {
        params: { [zlib.ZSTD_c_compressionLevel]: ZSTD_LEVEL },
      }).length;
    };
    const parser = new TarParser();
    const buffer = Buffer.alloc(READ_BYTES);
    for (let at = 0; !parser.ended; ) {
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES, at);
      if (bytesRead === 0) break;
      at += bytesRead;
      for (const { path: name, type, offset, size } of parser.push(buffer.subarray(0, bytesRead))) {
        if (type !== 'file') continue;
        if (CHANGED.test(name)) await change(offset, size, mask);
        if (name === STATUS) await change(offset, size, otherVersion);
      }
    }
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  if (!(await exists(path)) || update.files < 3) throw new Error(`${base} has no OpenSSL`);
  return update;
}

function mask(content: Buffer): void {
  for (let at = 0; at < content.length; at++) content[at] = (content[at] as number) ^ 0x5a;
}

function otherVersion(content: Buffer): void {
  const text = content
    .toString('latin1')
    .replace(VERSION, (_all, before: string, digit: string) => `${before}${(Number(digit) + 1) % 10}`);
  content.write(text, 'latin1');
}
