import * as z from 'zod';
import { Checks } from './checks.ts';
import { Base, FirmwareSource, KernelSource } from './sources.ts';
import { Upgrade } from './upgrade.ts';
import { AbsolutePath, Arch, OutputKind, PackageName, RelativePath, Size, UnitName } from './values.ts';

const NAME = /^[a-z][a-z0-9-]{0,62}$/;
const ACCOUNT = /^[a-z_][a-z0-9_-]{0,31}$/;
const ID_MAX = 4294967294;

export const FileEntry = z
  .strictObject({
    path: AbsolutePath,
    content: z
      .string()
      .optional()
      .meta({ description: 'The text of the file.', examples: ['Welcome.\n'] }),
    source: RelativePath.optional().meta({
      description: 'A file or folder beside the bowl to copy.',
      examples: ['files/motd'],
    }),
    symlink: z
      .string()
      .min(1)
      .max(4095)
      .regex(/^[^\0]+$/, 'must not hold a NUL byte')
      .optional()
      .meta({ description: 'Makes a symbolic link to this target.', examples: ['../usr/share/zoneinfo/UTC'] }),
    mode: z
      .string()
      .regex(/^[0-7]{3,4}$/, 'a mode is 3 or 4 octal digits, such as "0644"')
      .optional()
      .meta({ description: 'Octal mode, quoted; 0644 (folders 0755) unless given.', examples: ['0600'] }),
    uid: z
      .int()
      .min(0)
      .max(ID_MAX)
      .default(0)
      .meta({ description: 'Number of the owner.', examples: [0] }),
    gid: z
      .int()
      .min(0)
      .max(ID_MAX)
      .default(0)
      .meta({ description: 'Number of the group.', examples: [0] }),
  })
  .meta({
    description: 'A file of the image: exactly one of content, source, symlink.',
    examples: [{ path: '/etc/motd', content: 'Welcome.\n' }],
  });
export type FileEntry = z.infer<typeof FileEntry>;

export const User = z
  .strictObject({
    name: z
      .string()
      .regex(ACCOUNT, 'not a user name')
      .meta({ description: 'Login name.', examples: ['admin'] }),
    uid: z
      .int()
      .min(1)
      .max(ID_MAX)
      .optional()
      .meta({ description: 'Number of the user; the first free one from 1000 unless given.', examples: [1000] }),
    gecos: z
      .string()
      .regex(/^[^:\n]*$/, 'no colon, no line break')
      .default('')
      .meta({ description: 'Full name or purpose.', examples: ['Administrator'] }),
    shell: AbsolutePath.default('/bin/sh').meta({ description: 'Login shell.', examples: ['/bin/bash'] }),
    home: AbsolutePath.optional().meta({
      description: 'Home folder; /home and the name unless given.',
      examples: ['/home/admin'],
    }),
    groups: z
      .array(z.string().regex(ACCOUNT, 'not a group name'))
      .default([])
      .meta({ description: 'Further groups; those the image lacks are made.', examples: [['sudo']] }),
    passwordHash: z
      .string()
      .regex(
        /^(\$[0-9a-z]+\$[^:\n]+|[!*])$/,
        'must be a crypt(3) hash such as $6$... or $y$..., never a plain password',
      )
      .optional()
      .meta({
        description: 'crypt(3) hash of the password; none: no password login.',
        examples: ['$6$saltsalt$QJ1hZ1Yq0Zk3dTq0T1example'],
        secret: true,
      }),
    sshAuthorizedKeys: z
      .array(z.string().regex(/^[^\n]+$/, 'one public key on one line'))
      .default([])
      .meta({
        description: 'Public keys allowed to log in.',
        examples: [['ssh-ed25519 AAAAC3Nza... admin@example.org']],
      }),
  })
  .meta({
    description: 'A user of the image.',
    examples: [{ name: 'admin', groups: ['sudo'], sshAuthorizedKeys: ['ssh-ed25519 AAAAC3Nza... admin@example.org'] }],
  });
export type User = z.infer<typeof User>;

const Units = (description: string, example: string) =>
  z
    .array(UnitName)
    .default([])
    .meta({ description, examples: [[example]], merge: 'append', identity: 'value' });

/** The document of one operating system image, after `extends` is merged and defaults are filled in. */
export const Bowl = z.strictObject({
  apiVersion: z
    .literal('bowline/v1')
    .meta({ description: 'Version of this document format.', examples: ['bowline/v1'] }),
  name: z
    .string()
    .regex(NAME, 'lower-case letters, digits and hyphens, starting with a letter, at most 63')
    .meta({ description: 'Name of the image.', examples: ['edge'] }),
  version: z
    .string()
    .regex(/^[0-9A-Za-z][0-9A-Za-z.+~_-]{0,63}$/, 'letters, digits and . + ~ _ -, starting with a letter or digit')
    .meta({ description: 'Version of the image, yours to choose.', examples: ['1.0.0'] }),
  description: z
    .string()
    .default('')
    .meta({ description: 'One line for people; no part of the image ID.', examples: ['Debian 13 for edge gateways.'] }),
  extends: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .meta({
      description: 'A ready bowl by name, or a bowl file by path, that this one builds on.',
      examples: ['starter', '../base/bowl.yaml'],
    }),
  arch: z
    .array(Arch)
    .min(1)
    .default(['amd64'])
    .meta({ description: 'Architectures to build.', examples: [['amd64', 'arm64']], merge: 'replace' }),
  base: Base,
  kernel: KernelSource.default('base'),
  firmware: z
    .array(FirmwareSource)
    .default([])
    .meta({
      description: 'Firmware to add.',
      examples: [[{ debian: { suite: 'trixie', packages: ['firmware-linux-free'] } }]],
      merge: 'append',
    }),
  packages: z
    .array(PackageName)
    .default([])
    .meta({
      description: "Packages to install with the base's own package manager.",
      examples: [['nftables', 'chrony']],
      merge: 'append',
      identity: 'package',
    }),
  files: z
    .array(FileEntry)
    .default([])
    .meta({
      description: 'Files to add or replace.',
      examples: [[{ path: '/etc/motd', content: 'Welcome.\n' }]],
      merge: 'append',
      identity: 'path',
    }),
  systemd: z
    .strictObject({
      enable: Units('Units to start at boot.', 'ssh.service'),
      disable: Units('Units not to start at boot.', 'apt-daily.timer'),
      mask: Units('Units that nothing can start.', 'systemd-networkd-wait-online.service'),
    })
    .prefault({})
    .meta({
      description: 'Units to enable, disable or mask in the image.',
      examples: [{ enable: ['ssh.service'], mask: ['apt-daily.timer'] }],
    }),
  kernelArguments: z
    .array(z.string().regex(/^[^\s\0"]+$/, 'one argument each, without blanks or quotes'))
    .default([])
    .meta({
      description: 'Further kernel arguments, one each.',
      examples: [['console=ttyS1,115200', 'net.ifnames=0']],
      merge: 'append',
    }),
  hostname: z
    .string()
    .max(253)
    .regex(
      /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
      'not a host name',
    )
    .optional()
    .meta({ description: 'Host name; the name of the bowl unless given.', examples: ['edge-1'] }),
  users: z
    .array(User)
    .default([])
    .meta({
      description: 'Users of the image.',
      examples: [[{ name: 'admin', groups: ['sudo'] }]],
      merge: 'append',
      identity: 'name',
    }),
  cloudConfig: z
    .union([
      z.strictObject({
        file: RelativePath.meta({
          description: 'A file beside the bowl that starts with #cloud-config.',
          examples: ['cloud-config.yaml'],
        }),
      }),
      z.strictObject({
        inline: z.string().meta({
          description: 'The text itself; never shown, since it often holds passwords and tokens.',
          examples: ['#cloud-config\nhostname: edge-1\n'],
          secret: true,
        }),
      }),
    ])
    .optional()
    .meta({
      description: 'A #cloud-config the machine applies at boot: a file or inline text.',
      examples: [{ file: 'cloud-config.yaml' }],
      merge: 'replace',
    }),
  disk: z
    .strictObject({
      smallest: Size.default('8 GiB').meta({
        description: 'Smallest disk that must fit two slots, recovery and state.',
        examples: ['16 GiB'],
      }),
      slot: z
        .union([z.literal('auto'), Size])
        .default('auto')
        .meta({
          description: 'Size of a root slot; auto: max(2 x root, root + 512 MiB), rounded up to 256 MiB.',
          examples: ['auto', '4 GiB'],
        }),
      recovery: z
        .boolean()
        .default(true)
        .meta({ description: 'Keep room for a recovery system of its own.', examples: [true] }),
    })
    .prefault({})
    .meta({ description: 'Disk sizes; the lock pins the slot size.', examples: [{ smallest: '16 GiB' }] }),
  outputs: z
    .array(OutputKind)
    .min(1)
    .default(['raw', 'iso', 'qcow2'])
    .meta({ description: 'What to build; no part of the image ID.', examples: [['raw', 'iso']], merge: 'replace' }),
  security: z
    .strictObject({})
    .prefault({})
    .meta({ description: 'Secure Boot and encryption; no keys are known yet.', examples: [{}] }),
  checks: Checks.prefault({}),
  upgrade: Upgrade.prefault({}),
});
export type Bowl = z.infer<typeof Bowl>;
