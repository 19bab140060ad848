// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: what the unit tests use of the VM, when they are a module of their own.
 */
#include <kunit/visibility.h>
#include <linux/export.h>

#include "vm.h"

EXPORT_SYMBOL_IF_KUNIT(ktap_vm_create);
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_destroy);
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_run_main);
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_run_begin);
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_run_end);
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_handle);
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_losses);
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_failed);
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_error_text);
EXPORT_SYMBOL_IF_KUNIT(ktap_set_str);
EXPORT_SYMBOL_IF_KUNIT(ktap_table_new);
EXPORT_SYMBOL_IF_KUNIT(ktap_table_set);
EXPORT_SYMBOL_IF_KUNIT(ktap_table_get);
EXPORT_SYMBOL_IF_KUNIT(ktap_table_add);
EXPORT_SYMBOL_IF_KUNIT(ktap_table_delete);
EXPORT_SYMBOL_IF_KUNIT(ktap_table_clear);
EXPORT_SYMBOL_IF_KUNIT(ktap_table_next);
EXPORT_SYMBOL_IF_KUNIT(ktap_table_len);
EXPORT_SYMBOL_IF_KUNIT(ktap_obj_share);
EXPORT_SYMBOL_IF_KUNIT(ktap_exec_collect);
