/** Address that the program is loaded at: anything above the kernel's lowest (vm.mmap_min_addr). */
const ADDRESS = 0x400000n;
const ELF_HEADER = 64;
const PROGRAM_HEADER = 56;
/** exit(0): mov $60, %eax; xor %edi, %edi; syscall. */
const CODE = [0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05];

/** A program for Linux on x86-64 that ends at once, with exit code 0: an ELF header, one segment, three instructions (elf(5)). */
export function exitProgram(): Buffer {
  const start = ELF_HEADER + PROGRAM_HEADER;
  const program = Buffer.alloc(start + CODE.length);
  // 64 bits, little endian, version 1.
  program.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  program.writeUInt16LE(2, 16); // e_type: executable
  program.writeUInt16LE(62, 18); // e_machine: x86-64
  program.writeUInt32LE(1, 20); // e_version
  program.writeBigUInt64LE(ADDRESS + BigInt(start), 24); // e_entry
  program.writeBigUInt64LE(BigInt(ELF_HEADER), 32); // e_phoff
  program.writeUInt16LE(ELF_HEADER, 52); // e_ehsize
  program.writeUInt16LE(PROGRAM_HEADER, 54); // e_phentsize
  program.writeUInt16LE(1, 56); // e_phnum
  const segment = program.subarray(ELF_HEADER);
  segment.writeUInt32LE(1, 0); // p_type: loaded
  segment.writeUInt32LE(5, 4); // p_flags: readable, executable
  segment.writeBigUInt64LE(ADDRESS, 16); // p_vaddr
  segment.writeBigUInt64LE(ADDRESS, 24); // p_paddr
  segment.writeBigUInt64LE(BigInt(program.length), 32); // p_filesz
  segment.writeBigUInt64LE(BigInt(program.length), 40); // p_memsz
  segment.writeBigUInt64LE(0x1000n, 48); // p_align
  program.set(CODE, start);
  return program;
}

const BLOCK = 512;

/** A tar archive of one executable file (POSIX ustar), for `docker import`. */
export function tarOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number): void => {
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at);
  };
  header.write(name, 0);
  octal(0o755, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(content.length, 124, 12);
  octal(0, 136, 12);
  header.write('        0', 148); // the checksum as spaces; type: a file
  header.write('ustar\x0000', 257);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  return Buffer.concat([header, content, padding, Buffer.alloc(2 * BLOCK)]);
}
