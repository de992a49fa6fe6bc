#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Embed OpenCL C programs: embed.py OUTPUT FILE.cl...

Writes a C file with one byte array per program. Lines of the form  #include "name"  are replaced
by that file (once per program), and #line directives keep the real file names in build logs.
"""
import os
import re
import sys

INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"\s*$')


def expand(path, done):
    """The lines of a file with its includes in place."""
    name = os.path.basename(path)
    out = ['#line 1 "cl/%s"' % name]
    with open(path, encoding='ascii') as source:
        for number, line in enumerate(source, 1):
            match = INCLUDE.match(line)
            if not match:
                out.append(line.rstrip('\n'))
                continue
            if match.group(1) not in done:
                done.add(match.group(1))
                out += expand(os.path.join(os.path.dirname(path), match.group(1)), done)
            out.append('#line %d "cl/%s"' % (number + 1, name))
    return out


def main():
    output, paths = sys.argv[1], sys.argv[2:]
    table = []
    with open(output, 'w', encoding='ascii') as out:
        out.write('/* Made by cl/embed.py. */\n#include "opencl/opencl_program.h"\n')
        for path in paths:
            program = os.path.splitext(os.path.basename(path))[0]
            text = ('\n'.join(expand(path, set())) + '\n').encode('ascii')
            out.write('\nstatic const char text_%s[] = {' % program)
            for i, byte in enumerate(text + b'\0'):
                out.write('%s%d,' % ('\n' if i % 24 == 0 else '', byte))
            out.write('\n};\n')
            table.append('    [CLSEQ_PROGRAM_%s] = { text_%s, sizeof(text_%s) - 1 },\n'
                         % (program, program, program))
        out.write('\nconst struct clseq_opencl_source clseq_opencl_sources[CLSEQ_PROGRAM_COUNT] = {\n')
        out.write(''.join(table) + '};\n')


main()
