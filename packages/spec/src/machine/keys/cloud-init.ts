import * as z from 'zod';
import { FileStep, UserStep } from '../step.ts';
import { text, texts } from './fields.ts';

/** One user of the list form. */
const CloudInitUser = z
  .strictObject({
    ...UserStep.shape,
    name: z
      .string()
      .min(1)
      .meta({ description: 'Login name.', examples: ['ada'] }),
  })
  .meta({
    mistakes: {
      password: 'passwd',
      hashed_passwd: 'passwd',
      plain_text_passwd: 'passwd',
      ssh_keys: 'ssh_authorized_keys',
    },
  });

/** One file of write_files. */
const WriteFile = z.strictObject({
  path: FileStep.shape.path,
  content: FileStep.shape.content,
  encoding: FileStep.shape.encoding,
  owner: text('Owner by name or number: "user" or "user:group".', 'root:root'),
  permissions: z
    .optional(FileStep.shape.permissions.unwrap())
    .meta({ description: 'Mode; 0644 unless given.', examples: [0o644] }),
});

const files = (description: string) =>
  z
    .array(WriteFile)
    .optional()
    .meta({ description, examples: [[{ path: '/etc/motd', content: 'Welcome.\n', permissions: 0o644 }]] });

/** Keys of cloud-init that machines know. */
export const cloudInitKeys = {
  hostname: text('Host name, a template; set in the stage initramfs.', 'edge-{{ trunc 4 .MachineID }}'),
  users: z
    .array(CloudInitUser)
    .optional()
    .meta({
      description: 'Users; made in the stage initramfs. Keys that must be fetched follow in the stage network.',
      examples: [[{ name: 'ada', groups: ['admin'], ssh_authorized_keys: ['github:ada'] }]],
    }),
  ssh_authorized_keys: texts('Keys for every user of users; for root when there is none.', 'github:ada'),
  write_files: files('Files to write in the stage boot.'),
  milpa_files: files('The same as write_files, after them.'),
  runcmd: texts('Commands of the stage boot.', 'modprobe dummy'),
  growpart: z
    .strictObject({
      mode: z
        .union([z.boolean(), z.string()])
        .optional()
        .meta({ description: 'off or false for nothing.', examples: ['auto', false] }),
      devices: texts('Disks whose last partition takes the rest.', '/dev/vda'),
    })
    .optional()
    .meta({ description: 'Grows partitions in the stage boot.', examples: [{ devices: ['/dev/vda'] }] }),
};
