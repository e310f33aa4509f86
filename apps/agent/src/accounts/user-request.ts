import type { UserStep } from '@bowline/spec';
import { AgentError } from '../error.ts';

/** One user as the configuration wants it, checked. */
export interface UserRequest {
  name: string;
  password: string | undefined;
  locked: boolean;
  uid: number | undefined;
  gecos: string;
  home: string | undefined;
  shell: string | undefined;
  primaryGroup: string | undefined;
  groups: readonly string[];
  ownGroup: boolean;
  system: boolean;
  makeHome: boolean;
  keys: readonly string[];
}

const MAX_ID = 4_294_967_293;
const MAX_NAME_LENGTH = 32;

/** Checks what the configuration says of a user. Throws AgentError ACCOUNT_INVALID. */
export function readUserRequest(key: string, step: UserStep): UserRequest {
  const name = step.name === undefined || step.name === '' ? key : step.name;
  refuseBadName('user', name);
  for (const group of [...(step.groups ?? []), ...(step.primary_group ? [step.primary_group] : [])]) {
    refuseBadName('group', group);
  }
  refuseBadField(name, 'gecos', step.gecos);
  const keys = step.ssh_authorized_keys ?? [];
  return {
    name,
    password: step.passwd,
    locked: step.lock_passwd ?? false,
    uid: readUid(name, step.uid),
    gecos: step.gecos ?? '',
    home: readPath(name, 'homedir', step.homedir),
    shell: readPath(name, 'shell', step.shell),
    primaryGroup: step.primary_group === '' ? undefined : step.primary_group,
    groups: [...new Set(step.groups)],
    ownGroup: !(step.no_user_group ?? false),
    system: step.system ?? false,
    // Keys need a place: in Kairos a system user has a home folder, too.
    makeHome: !(step.no_create_home ?? ((step.system ?? false) && keys.length === 0)),
    keys,
  };
}

/** Throws AgentError ACCOUNT_INVALID for a name that useradd(8) would refuse, or that would be taken for a number. */
function refuseBadName(kind: 'user' | 'group', name: string): void {
  const isNumber = kind === 'user' && /^\d+$/.test(name);
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$/.test(name) && name.length <= MAX_NAME_LENGTH && !isNumber) return;
  throw new AgentError({
    code: 'ACCOUNT_INVALID',
    message: `${JSON.stringify(name.slice(0, 64))} is no name for a ${kind}`,
    hint: 'Use at most 32 lower-case letters, digits, - and _; begin with a letter.',
  });
}

function readUid(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,10}$/.test(text) && Number(text) <= MAX_ID) return Number(text);
  throw invalid(name, 'uid', 'is no number');
}

function readPath(name: string, key: string, value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  refuseBadField(name, key, value);
  const isClean = value.startsWith('/') && !value.split('/').includes('..');
  if (!isClean) throw invalid(name, key, 'is no absolute path');
  return value.length > 1 ? value.replace(/\/+$/, '') : value;
}

function refuseBadField(name: string, key: string, value: string | undefined): void {
  if (value !== undefined && /[:\n\r\0]/.test(value)) throw invalid(name, key, 'holds a colon or a line end');
}

function invalid(name: string, key: string, what: string): AgentError {
  return new AgentError({
    code: 'ACCOUNT_INVALID',
    message: `${key} of user ${name} ${what}`,
    hint: `Correct users.${name}.${key}; the other users are not affected.`,
  });
}
