/* SPDX-License-Identifier: GPL-2.0 */
/*
 * diag_tags: every error and warning of the compiler.
 *
 * X(TAG, format). A tag is what programs see (--json) and what the tests know a
 * message by: tools/testing/ktap/check-tags fails when none of them makes the
 * compiler say it.
 */
#ifndef _KTAP_DIAG_TAGS_H
#define _KTAP_DIAG_TAGS_H

#define KTAP_DIAG_ERRORS(X)						\
	/* the lexer */							\
	X(COMMENT_OPEN, "unfinished comment")				\
	X(NUMBER_MALFORMED, "malformed number '%.*s'")			\
	X(NUMBER_BIG, "number does not fit in 64 bits")			\
	X(ESCAPE_HEX, "'\\x' needs two hexadecimal digits")		\
	X(ESCAPE_BIG, "'\\%d' is more than one byte")			\
	X(ESCAPE_BAD, "invalid escape sequence")			\
	X(STRING_OPEN, "unfinished string")				\
	X(LONG_STRING_OPEN, "unfinished long string")			\
	X(SYMBOL_ADDRESS, "symbol addresses (`name`) are not part of this version") \
	X(CHAR_BAD, "unexpected character '%c'")			\
	X(BYTE_BAD, "unexpected byte 0x%02x")				\
	X(CHAR_UTF8, "unexpected character '%.*s' outside of a string")	\
	X(BYTE_UTF8, "byte 0x%02x is not UTF-8, outside of a string")	\
	/* expressions */						\
	X(EXPR_LONG, "expression is too long, more than %d operators deep") \
	X(VARARG_OUTSIDE, "'...' outside of a function that has it")	\
	X(DEC_STATEMENT, "'--' after a name is a statement")		\
	X(INC_STATEMENT, "'++' comes after its operand, as a statement") \
	X(DEC_BEGINS, "'--' begins nothing: comments begin with #, to count down write x--") \
	/* events */							\
	X(EVENT_NAME, "an event's name expected")			\
	X(EVENT_BYTE, "byte 0x%02x in an event's name")			\
	X(EVENT_CHAR, "'%c' in an event's name")			\
	X(EVENT_BRACE, "'{' expected after the event, before %s")	\
	X(EVENTS_HANDLER, "several events with ';' need a handler that has a name") \
	X(PRED_LAST, "the predicate comes after the last event")	\
	X(PRED_BRACE, "unfinished predicate, '/' expected before '{'")	\
	X(PRED_EMPTY, "empty predicate")				\
	X(PRED_OPEN, "unfinished predicate")				\
	X(TRACE_IN_HANDLER, "events are registered in the main chunk, not in a handler") \
	/* statements */						\
	X(AGG_TARGET, "'<<<' needs a variable or an element before it") \
	X(EXPECTED, "%s expected before %s")				\
	X(UNEXPECTED, "unexpected %s")					\
	X(KEYWORD_NAME, "'%s' is a keyword, not a name")		\
	X(NEST_DEEP, "nested too deeply, more than %d levels")		\
	X(PARAMS_MANY, "more than 200 parameters")			\
	X(ASSIGN_EXPR, "this cannot be assigned to")			\
	X(COMPOUND_TARGETS, "a compound assignment has one target")	\
	X(STATEMENT_WORD, "'%s' begins no statement")			\
	X(IN_PAIRS, "'pairs(TABLE)' or 'sort_pairs(TABLE, HOW)' expected after 'in'") \
	X(AFTER_RETURN, "nothing may follow 'return' in its block")	\
	X(BREAK_OUTSIDE, "'%s' outside of a loop")			\
	X(TARGETS_MANY, "too many variables on the left")		\
	/* names */							\
	X(LOCAL_SKIPPED, "'%s' is declared after a 'continue' that skips it") \
	X(AGG_AND_TABLE, "'%s' is used as an aggregation here, and as a table elsewhere") \
	X(NAME_UNKNOWN, "nothing assigns a value to '%s'")		\
	X(NAME_NEAR, "nothing assigns a value to '%s', did you mean '%s'?") \
	X(FUNC_UNKNOWN, "unknown function '%s'")			\
	X(FUNC_NEAR, "unknown function '%s', did you mean '%s'?")	\
	X(ASSIGN_NAME, "'%s' cannot be assigned to")			\
	X(SPACE_VALUE, "'%s' is no value, only '%s.NAME' is")		\
	X(SPECIAL_VALUE, "'%s' is no value, it can only be called")	\
	X(ENTRY_VALUE, "'entry' is no value, only 'entry.NAME' is")	\
	X(LABELS_MANY, "too many labels in a function: limit is %d")	\
	X(LABEL_TWICE, "label '%s' is there already")			\
	X(LABEL_NONE, "no label '%s' here to go to")			\
	X(GOTO_LOCAL, "goto '%s' jumps over the declaration of a local variable") \
	/* calls */							\
	X(ARGS_NUMBER, "%s() takes %s argument%s, not %u")		\
	X(ARGS_INC, "%s() takes a table and a key")			\
	X(ARGS_TWO, "%s() takes 2 arguments, not %u")			\
	X(PAIRS_ALONE, "pairs() goes with for: for (k, v in pairs(t))")	\
	/* script options */						\
	X(OPTION_MAIN, "option() belongs to the main chunk, not into a function") \
	X(OPTION_LITERAL, "option() takes its name, its default and its help as literals") \
	X(OPTION_NAME,							\
	  "'%s' is no name of an option: letters, digits and '-', and a letter first") \
	X(OPTION_TWICE, "option '%s' is there already, in line %u")	\
	/* limits */							\
	X(SOURCE_LONG, "the script is longer than %d MiB")		\
	X(IMAGE_LARGE, "the compiled script is over %d MiB")		\
	X(FUNCS_MANY, "more than %d functions")				\
	X(CONSTS_MANY, "more than %d constants")			\
	X(GLOBALS_MANY, "more than %d globals")				\
	X(UPVALS_MANY, "function uses more than %d outer variables")	\
	X(NAME_LONG, "name is longer than %d bytes")			\
	X(STRING_LONG, "string is longer than %d bytes")		\
	X(FUNC_LONG, "function is too long")				\
	X(JUMP_LONG, "too much code for one condition or loop, use a function") \
	X(REGS_MANY,							\
	  "too many local variables and intermediate values, more than %d in one function")

#define KTAP_DIAG_WARNINGS(X)						\
	X(SHARED_GLOBAL,						\
	  "'%s' is read and assigned in one handler, which other CPUs may "	\
	  "interrupt; '+=' is atomic") \
	X(HANDLER_RESULT, "nothing uses what a handler returns")	\
	X(ALWAYS_FALSE, "this is always false: it compares %s with %s")	\
	X(ALWAYS_TRUE, "this is always true: it compares %s with %s")	\
	X(ORDER_FAILS, "this fails when it runs: it compares %s with %s") \
	X(ALWAYS_NUMBER, "this is always true, a number is, 0 too: '!= 0' may be meant")

enum diag_tag {
#define DIAG_ENUM(tag, text) DIAG_##tag,
	KTAP_DIAG_ERRORS(DIAG_ENUM)
	DIAG_WARNINGS_FROM,
	DIAG_WARNINGS_BEFORE = DIAG_WARNINGS_FROM - 1,
	KTAP_DIAG_WARNINGS(DIAG_ENUM)
#undef DIAG_ENUM
	DIAG_NR
};

/* Arrays, not macros: the compiler checks arguments against them */
#define DIAG_FORMAT(tag, text)	\
	static const char diag_format_##tag[] __attribute__((unused)) = text;
KTAP_DIAG_ERRORS(DIAG_FORMAT)
KTAP_DIAG_WARNINGS(DIAG_FORMAT)
#undef DIAG_FORMAT

#endif /* _KTAP_DIAG_TAGS_H */
