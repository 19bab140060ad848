// SPDX-License-Identifier: GPL-2.0
/*
 * cgroup: control groups by their names.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cgroup.h"

/* The first place in the table of mounts; true if there is one */
static bool find_mount(char dir[4096])
{
	FILE *f = fopen("/proc/self/mounts", "r");
	char line[8192], type[32];
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %4095s %31s", dir, type) == 2 &&
			!strcmp(type, "cgroup2");
	fclose(f);
	return found;
}

int cgroup_open(const char *name)
{
	const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	char path[8192], dir[4096];
	int fd = -1;

	/* as in /proc/PID/cgroup they begin with a slash as well */
	if (*name == '/')
		fd = open(name, flags);
	if (fd >= 0 || (*name == '/' && errno != ENOENT))
		return fd;
	if (!find_mount(dir)) {
		errno = ENOENT;
		return -1;
	}
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return open(path, flags);
}
