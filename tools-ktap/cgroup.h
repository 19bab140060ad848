/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cgroup: control groups by their names.
 */
#ifndef _KTAP_CGROUP_H
#define _KTAP_CGROUP_H

/*
 * Opens the directory of a group: a path, or one below the place where the groups
 * are mounted. Returns a descriptor, or -1 with errno.
 */
int cgroup_open(const char *name);

#endif /* _KTAP_CGROUP_H */
