# replug: heals the USB capture dongles and CH9329 bridges of a KVM-over-IP box.
#
#   make            builds the programs                make deps     installs what building and testing need (Debian)
#   make install    DESTDIR=, PREFIX=, SYSCONFDIR=     make demo     shows the main job on virtual USB devices
#                   SYSTEMD=no: udev starts the runs   make check    runs every test
#   make uninstall  keeps /etc/replug.conf             make lint     formatting and static analysis (make deps-lint before)
#   make clean                                         make deb      builds the Debian package below build/deb
#   make check-memory                                  valgrind over the unit tests and the command lines; sanitizers in these
#   make arch       builds the Arch package below build/arch
#   make fuzz      FUZZ_SECONDS=60                     looks for inputs that break what reads them
#   make matrix    SEEDS="1 2 3"                        every fault under every trigger, in random order
#   make mutation  ONLY="NAME..." UNTIL=unit            breaks the sources on purpose: which test notices?
#   make faults                                        every system call that can fail does, one at a time
#   make coverage                                      what the tests run of src, line by line
#   make soak      SEED=123 STEPS=2000                 random plugs, faults, commands and kills, and what holds after each
#   make check-cross  ARCHES="arm64 armhf s390x"        build, unit tests and package for other processors, under QEMU's user
#                                                      emulation (make deps-cross before)
#   make bench                                         measures it beside its peers, in minutes: build/bench/table.txt
#   make timeline                                      runs the demo and draws the README's picture of it anew

VERSION    := 0.1.0
PREFIX     ?= /usr
SYSCONFDIR ?= /etc
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib/replug
DATADIR    ?= $(PREFIX)/share/replug
UDEVDIR    ?= $(PREFIX)/lib/udev
UNITDIR    ?= $(PREFIX)/lib/systemd/system
MANDIR     ?= $(PREFIX)/share/man
BASHDIR    ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR     ?= $(PREFIX)/share/zsh/vendor-completions
FISHDIR    ?= $(PREFIX)/share/fish/vendor_completions.d
B          ?= build
SYSTEMD    ?= yes
$(if $(filter yes no,$(SYSTEMD)),,$(error SYSTEMD is yes or no))

CFLAGS     ?= -O2 -g
PKG_CONFIG ?= pkg-config
PKGS       := libudev libusb-1.0 json-c
WARN       := -Wall -Wextra -Werror -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
              -Wpointer-arith -Wwrite-strings -Wcast-qual -Wformat=2 -Wno-format-nonliteral \
              -Wno-missing-field-initializers -Wno-unknown-warning-option -Wno-format-truncation
# 32-bit systems, too, know times after January 2038, and the inode numbers of a 64-bit kernel.
DEFS       := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -DREPLUG_VERSION='"$(VERSION)"' \
              -DREPLUG_LIBDIR='"$(LIBDIR)"' -DREPLUG_SYSCONFDIR='"$(SYSCONFDIR)"'
ALLFLAGS    = -std=c17 $(DEFS) $(WARN) -fPIE -fstack-protector-strong $(shell $(PKG_CONFIG) --cflags $(PKGS)) \
              $(CPPFLAGS) $(CFLAGS) -MMD -MP
ALLLDFLAGS  = -pie -Wl,-z,relro -Wl,--as-needed $(CFLAGS) $(LDFLAGS)
comma      := ,
# V=1 shows the commands, -s nothing.
SILENT      = $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
Q           = $(if $(V),,$(if $(SILENT),@,@echo '  $(1) $@';))
# replug-match runs for every plug: another shared library would cost it more than all of its own work.
INIH        = $(if $(filter /%,$(shell $(CC) -print-file-name=libinih.a)),-Wl$(comma)-Bstatic -linih \
              -Wl$(comma)-Bdynamic,-linih)

CONFIG     := config config-lines config-keys config-values config-match config-check selector text
USB        := columns status device device-find device-wait sysfs wait log serial use table
WATCH      := watch watch-event watch-ports watch-source watch-out watch-screen
BOARDS     := relay relay-known relay-dcttech relay-lcus relay-kmtronic relay-ucreatefun relay-icse relay-custom
objects     = $(patsubst %,$(B)/obj/%.o,$(1))
MATCH_OBJ  := $(call objects,replug-match match-link $(CONFIG))
REPLUG_OBJ := $(call objects,replug verbs verb-ch9329 show show-status warn relay-known names hubs $(WATCH) refresh checkup health health-show stream recover climb story then gone lost supervise guard record ladder debt port usb chip ch9329 $(USB) $(CONFIG))
RELAY_OBJ  := $(call objects,replug-relay relay-run relay-hand relay-release relay-left relay-list relay-target relay-state record $(BOARDS) $(USB) $(CONFIG))
PROGRAMS   := $(B)/replug $(B)/replug-match $(B)/replug-relay

MANUALS    := replug.8 replug-match.8 replug-relay.1 replug.conf.5
GENERATED  := $(addprefix $(B)/,60-replug.rules 61-replug-systemd.rules 61-replug-run.rules replug-run \
              replug@.service replug-settle@.service replug-lost.service \
              replug-health.service replug-refresh.service kvmd.service.conf replug-gpio.yaml $(MANUALS))
TIMERS     := replug-health.timer replug-refresh.timer

all: $(PROGRAMS) $(GENERATED)

$(B)/replug: $(REPLUG_OBJ)
	$(call Q,LD) $(CC) $(ALLLDFLAGS) -o $@ $^ $(shell $(PKG_CONFIG) --libs $(PKGS)) $(INIH)

$(B)/replug-relay: $(RELAY_OBJ)
	$(call Q,LD) $(CC) $(ALLLDFLAGS) -o $@ $^ $(shell $(PKG_CONFIG) --libs libudev json-c) $(INIH)

$(B)/replug-match: $(MATCH_OBJ)
	$(call Q,LD) $(CC) $(ALLLDFLAGS) -o $@ $^ $(INIH)

$(B)/obj/%.o: src/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call Q,CC) $(CC) $(ALLFLAGS) -c -o $@ $<

# What it is built with, before a compiler misses its header.
libraries:
	@command -v $(PKG_CONFIG) >/dev/null && $(PKG_CONFIG) --print-errors --exists $(PKGS) && \
		echo '#include <ini.h>' | $(CC) $$($(PKG_CONFIG) --cflags $(PKGS)) $(CPPFLAGS) $(CFLAGS) -E - >/dev/null 2>&1 || \
		{ echo 'make: a compiler, pkg-config, or one of libudev, libusb-1.0, json-c and inih is missing, or its headers are:' \
			'run `make deps-build` on Debian; README.md, "Elsewhere", has the rest' >&2; exit 2; }
.PHONY: libraries

PLACES = $(foreach v,PREFIX BINDIR DATADIR UDEVDIR UNITDIR,$(v)=$($(v)))

# Another compiler, place or set of flags is another build.
$(B)/flags: FORCE | libraries
	@mkdir -p $(@D)
	@echo '$(CC) $(subst ','\'',$(ALLFLAGS) $(ALLLDFLAGS) $(PLACES))' | cmp -s - $@ || \
		echo '$(CC) $(subst ','\'',$(ALLFLAGS) $(ALLLDFLAGS) $(PLACES))' > $@

SUBST = sed $(foreach v,PREFIX SYSCONFDIR BINDIR LIBDIR DATADIR UDEVDIR UNITDIR,-e 's|@$(v)@|$($(v))|g')

$(B)/%: udev-rules/%.in $(B)/flags
	$(call Q,GEN) $(SUBST) $< > $@

# What the units may do is the same for all.
$(B)/%.service: packaging/systemd/%.service.in packaging/systemd/sandbox $(B)/flags
	$(call Q,GEN) $(SUBST) -e '/^@SANDBOX@$$/{r packaging/systemd/sandbox' -e 'd}' $< > $@

$(B)/%: packaging/kvmd/%.in $(B)/flags
	$(call Q,GEN) $(SUBST) $< > $@

$(B)/%: packaging/man/%.in $(B)/flags
	$(call Q,GEN) $(SUBST) $< > $@

-include $(wildcard $(B)/obj/*.d)

install: all install-$(if $(filter no,$(SYSTEMD)),run,systemd)
	install -D -m 0755 $(B)/replug '$(DESTDIR)$(BINDIR)/replug'
	install -D -m 0755 $(B)/replug-relay '$(DESTDIR)$(BINDIR)/replug-relay'
	install -D -m 0755 $(B)/replug-match '$(DESTDIR)$(UDEVDIR)/replug-match'
	install -D -m 0644 $(B)/60-replug.rules '$(DESTDIR)$(UDEVDIR)/rules.d/60-replug.rules'
	install -D -m 0644 $(B)/replug-gpio.yaml '$(DESTDIR)$(DATADIR)/replug-gpio.yaml'
	install -D -m 0644 packaging/sysusers/replug.conf '$(DESTDIR)$(PREFIX)/lib/sysusers.d/replug.conf'
	install -D -m 0644 packaging/tmpfiles/replug.conf '$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/replug.conf'
	install -D -m 0644 packaging/replug.conf '$(DESTDIR)$(LIBDIR)/replug.conf'
	for m in $(MANUALS); do install -D -m 0644 "$(B)/$$m" "$(DESTDIR)$(MANDIR)/man$${m##*.}/$$m"; done
	install -D -m 0644 packaging/completion/replug.bash '$(DESTDIR)$(BASHDIR)/replug'
	ln -sf replug '$(DESTDIR)$(BASHDIR)/replug-relay'
	install -D -m 0644 -t '$(DESTDIR)$(ZSHDIR)' packaging/completion/_replug packaging/completion/_replug-relay
	install -D -m 0644 -t '$(DESTDIR)$(FISHDIR)' packaging/completion/replug.fish packaging/completion/replug-relay.fish
	$(if $(DESTDIR),,$(SETTLE))

# What starts the runs: one of these, not both.
install-systemd: all
	rm -f $(RUN_FILES)
	install -D -m 0644 $(B)/61-replug-systemd.rules '$(DESTDIR)$(UDEVDIR)/rules.d/61-replug-systemd.rules'
	install -D -m 0644 -t '$(DESTDIR)$(UNITDIR)' $(B)/replug@.service $(B)/replug-settle@.service
	install -D -m 0644 $(B)/replug-lost.service '$(DESTDIR)$(UNITDIR)/replug-lost.service'
	install -D -m 0644 packaging/systemd/replug-lost.path '$(DESTDIR)$(UNITDIR)/replug-lost.path'
	mkdir -p '$(DESTDIR)$(UNITDIR)/paths.target.wants'
	ln -sf ../replug-lost.path '$(DESTDIR)$(UNITDIR)/paths.target.wants/replug-lost.path'
	install -D -m 0644 -t '$(DESTDIR)$(UNITDIR)' $(B)/replug-health.service $(B)/replug-refresh.service \
		$(addprefix packaging/systemd/,$(TIMERS))
	install -d -m 0755 '$(DESTDIR)$(UNITDIR)/timers.target.wants'
	for t in $(TIMERS); do ln -sf "../$$t" '$(DESTDIR)$(UNITDIR)/timers.target.wants/'; done
	install -D -m 0644 $(B)/kvmd.service.conf '$(DESTDIR)$(UNITDIR)/kvmd.service.d/replug.conf'

install-run: all
	$(if $(DESTDIR),,$(REST))
	rm -f $(SYSTEMD_FILES)
	install -D -m 0644 $(B)/61-replug-run.rules '$(DESTDIR)$(UDEVDIR)/rules.d/61-replug-run.rules'
	install -D -m 0755 $(B)/replug-run '$(DESTDIR)$(UDEVDIR)/replug-run'

SYSTEMD_FILES = '$(DESTDIR)$(UDEVDIR)/rules.d/61-replug-systemd.rules' \
	$(foreach u,replug@.service replug-settle@.service replug-lost.service replug-lost.path paths.target.wants/replug-lost.path \
	kvmd.service.d/replug.conf replug-health.service replug-refresh.service $(TIMERS) \
	$(addprefix timers.target.wants/,$(TIMERS)),'$(DESTDIR)$(UNITDIR)/$(u)')
RUN_FILES     = '$(DESTDIR)$(UDEVDIR)/rules.d/61-replug-run.rules' '$(DESTDIR)$(UDEVDIR)/replug-run'

uninstall:
	$(if $(DESTDIR),,$(REST))
	rm -f '$(DESTDIR)$(BINDIR)/replug' '$(DESTDIR)$(BINDIR)/replug-relay' '$(DESTDIR)$(UDEVDIR)/replug-match' \
		'$(DESTDIR)$(UDEVDIR)/rules.d/60-replug.rules' $(SYSTEMD_FILES) $(RUN_FILES) \
		'$(DESTDIR)$(DATADIR)/replug-gpio.yaml' '$(DESTDIR)$(LIBDIR)/replug.conf' \
		'$(DESTDIR)$(PREFIX)/lib/sysusers.d/replug.conf' '$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/replug.conf' \
		$(foreach m,$(MANUALS),'$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(m)))/$(m)') \
		'$(DESTDIR)$(BASHDIR)/replug' '$(DESTDIR)$(BASHDIR)/replug-relay' '$(DESTDIR)$(ZSHDIR)/_replug' \
		'$(DESTDIR)$(ZSHDIR)/_replug-relay' '$(DESTDIR)$(FISHDIR)/replug.fish' '$(DESTDIR)$(FISHDIR)/replug-relay.fish'
	@# Those that are ours alone, or are not there.
	rmdir '$(DESTDIR)$(LIBDIR)' '$(DESTDIR)$(DATADIR)' '$(DESTDIR)$(UNITDIR)/kvmd.service.d' \
		'$(DESTDIR)$(UNITDIR)/paths.target.wants' 2>/dev/null || :
	$(if $(DESTDIR),,$(RELOAD))

# A machine without udev or systemd (a container, an image being built) has nothing to reload. The group has to be
# there before the rules that name it are read.
RELOAD = if [ -e /run/udev/control ]; then udevadm control --reload; fi; \
	if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
# The links in the targets' folders count from the next boot on; what somebody has masked stays off.
START  = $(if $(filter no,$(SYSTEMD)),:,if [ -d /run/systemd/system ]; then systemctl start replug-lost.path $(TIMERS) || :; fi)
# While the programs are there: what a run that is stopped has left switched off is switched on, and what is pressed is let
# go. (What follows a run that failed, as one that is stopped has, may not have come to that.)
REST   = if [ -d /run/systemd/system ]; then systemctl stop replug-lost.path $(TIMERS) replug-lost.service \
		$(TIMERS:.timer=.service) 'replug@*.service' || :; systemctl stop 'replug-settle@*.service' || :; fi; \
	if [ -x '$(BINDIR)/replug' ]; then '$(BINDIR)/replug' settle || :; fi; \
	if [ -x '$(BINDIR)/replug-relay' ]; then '$(BINDIR)/replug-relay' release || :; fi
SETTLE = if command -v systemd-sysusers >/dev/null; then systemd-sysusers replug.conf; \
	elif ! getent group replug >/dev/null; then groupadd -r replug || addgroup -S replug; fi; \
	if [ -d /run/systemd/system ]; then systemd-tmpfiles --create replug.conf; fi; \
	$(if $(filter no,$(SYSTEMD)),install -d -g replug -m 2770 /run/replug/relay;) $(RELOAD); $(START)

# The bench: a virtual machine with virtual USB devices, and replug as it was installed into it.
EMU := $(B)/emu

$(EMU): $(wildcard tests/vm/emu/*.c tests/vm/emu/*.h) $(B)/flags
	$(call Q,CC) $(CC) -std=c17 -D_GNU_SOURCE $(WARN) $(CFLAGS) -o $@ tests/vm/emu/*.c

$(B)/killat: tests/vm/killat.c $(B)/flags
	$(call Q,CC) $(CC) -std=c17 -D_GNU_SOURCE $(WARN) $(CFLAGS) -o $@ $<

$(B)/failat: tests/vm/failat.c $(B)/flags
	$(call Q,CC) $(CC) -std=c17 -D_GNU_SOURCE $(WARN) $(CFLAGS) -o $@ $<

payload: all $(EMU) $(B)/killat $(B)/failat
	@rm -rf $(B)/vm/payload
	@$(MAKE) -s install DESTDIR=$(B)/vm/payload
	@install -D -m 0755 -t $(B)/vm/payload/usr/local/bin $(EMU) $(B)/killat $(B)/failat
	@# What `make install` needs, for the case that runs it on a live system.
	@install -D -t $(B)/vm/payload/usr/src/replug/build $(PROGRAMS) $(GENERATED)
	@cp -R Makefile packaging $(B)/vm/payload/usr/src/replug/
	@install -m 0755 $$(command -v make) $(B)/vm/payload/usr/local/bin/

# What is ours, and not what a build has left.
TREE = { git ls-files -z 2>/dev/null || find LICENSE Makefile README.md packaging src tests udev-rules -type f -print0; } | \
	tar -c --null -T -

# The Debian package. Its tools want packaging/debian at the top of the tree, so they get a tree of their own, and nothing of
# this make's variables.
DEB      := $(B)/deb
DEB_TREE := $(DEB)/replug-$(VERSION)
DEBFLAGS ?=

deb:
	@command -v dpkg-buildpackage >/dev/null || { echo 'no `dpkg-buildpackage` here: apt install build-essential debhelper' >&2; exit 2; }
	@rm -rf $(DEB)
	@mkdir -p $(DEB_TREE)
	@$(TREE) | tar -x -C $(DEB_TREE)
	@mv $(DEB_TREE)/packaging/debian $(DEB_TREE)/debian
	@cd $(DEB_TREE) && env -i PATH="$$PATH" LC_ALL=C.UTF-8 DEB_BUILD_OPTIONS="parallel=$$(nproc)" \
		dpkg-buildpackage -us -uc $(DEBFLAGS) >../build.log 2>&1 || { tail -n 20 ../build.log >&2; exit 1; }

# The Arch package (PiKVM OS). makepkg is nothing for root, and nobody else may look into every clone: it gets a copy
# elsewhere. Away from Arch there are no packages that a dependency could be looked up in.
ARCH := $(B)/arch

arch:
	@command -v makepkg >/dev/null && command -v bsdtar >/dev/null || { echo 'no `makepkg` or `bsdtar` here: on Arch, pacman -S --needed base-devel; on Debian, make deps' >&2; exit 2; }
	@rm -rf $(ARCH)
	@mkdir -p $(ARCH)
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && $(TREE) | tar -x -C "$$tmp" && \
		if [ "$$(id -u)" = 0 ]; then chown -R 65534:65534 "$$tmp"; as='setpriv --reuid=65534 --regid=65534 --clear-groups'; fi && \
		{ env -i -C "$$tmp/packaging/arch" PATH="$$PATH" HOME="$$tmp" LC_ALL=C.UTF-8 MAKEFLAGS="-j$$(nproc)" $$as \
			makepkg $(if $(wildcard /var/lib/pacman/local/*-*),,--nodeps) >$(ARCH)/build.log 2>&1 || \
			{ tail -n 20 $(ARCH)/build.log >&2; exit 1; }; } && cp "$$tmp"/packaging/arch/*.pkg.tar* $(ARCH)/

demo: payload
	@if [ -t 1 ]; then colour=colour; fi; tests/vm/run --timeout 180 tests/vm/demo.sh $$colour

# What happened when, in a run of the demo, and the picture of it. The README quotes two lines of that run, too.
timeline: payload
	@tests/vm/run --timeout 240 tests/vm/timeline.sh >$(B)/timeline.tsv
	@awk -f tests/vm/timeline.awk $(B)/timeline.tsv >$(B)/timeline.svg
	@cp $(B)/timeline.tsv tests/vm/; cp $(B)/timeline.svg packaging/doc/

# Everything that building (deps-build), the demo and the tests need; nothing else is ever fetched.
BUILD_DEPS := gcc libc6-dev make pkg-config libudev-dev libusb-1.0-0-dev libinih-dev libjson-c-dev
DEB_DEPS   := build-essential debhelper
ARCH_DEPS  := makepkg libarchive-tools pacman-package-manager
TEST_DEPS  := libcmocka-dev qemu-system-x86 mmdebstrap cpio xz-utils clang libclang-rt-dev shellcheck strace valgrind \
              mandoc zsh fish python3 $(DEB_DEPS) lintian $(ARCH_DEPS)
SUDO       := $(if $(filter 0,$(shell id -u)),,sudo)
APT_GET    := $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -q

deps:
	$(APT_GET) update
	$(APT_GET) install -y --no-install-recommends $(BUILD_DEPS) $(TEST_DEPS)

# QEMU and the cross compilers are in the root that tests/cross/image builds; uidmap is for mmdebstrap where it is not root.
deps-cross:
	$(APT_GET) update
	$(APT_GET) install -y --no-install-recommends make mmdebstrap uidmap

deps-build:
	$(APT_GET) update
	$(APT_GET) install -y --no-install-recommends $(BUILD_DEPS)

# With deps among the goals, nothing may look for what it brings before it is done.
ifneq ($(filter deps,$(MAKECMDGOALS)),)
$(B)/flags libraries: | deps
endif
ifneq ($(filter deps-cross,$(MAKECMDGOALS)),)
check-cross: | deps-cross
endif

clean:
	rm -rf $(B)

FORCE:
.PHONY: all payload deb arch install install-systemd install-run uninstall clean deps deps-build deps-cross demo timeline check \
        check-unit check-vm check-cross matrix mutation lint faults coverage soak bench FORCE

# --- unit tests ---
# Every source with the sanitizers in it, and a program for each file of tests; the scripts run the real programs,
# installed below build/stage.
SAN      := $(B)/san
SANFLAGS := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SAN_OBJ  := $(patsubst src/%.c,$(SAN)/obj/%.o,$(filter-out src/replug.c src/replug-match.c src/replug-relay.c, \
              $(wildcard src/*.c)))
SAN_BIN  := $(patsubst tests/%.c,$(SAN)/%,$(wildcard tests/unit/*.c tests/pty/*.c))
# What waits longest begins.
LONG     := $(addprefix $(SAN)/,pty/left unit/supervise pty/hand)
UNIT     := $(LONG) $(filter-out $(LONG),$(SAN_BIN)) $(wildcard tests/unit/*.sh)
STAGE    := $(abspath $(B)/stage)
.SECONDARY: $(SAN_OBJ)

$(SAN)/obj/%.o: src/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call Q,CC) $(CC) $(ALLFLAGS) $(SANFLAGS) -c -o $@ $<

$(SAN)/%: tests/%.c $(SAN_OBJ) $(B)/flags
	@mkdir -p $(@D)
	$(call Q,LD) $(CC) $(ALLFLAGS) $(SANFLAGS) -DSOURCE='"$(CURDIR)"' -Wno-missing-prototypes -Isrc -Itests/unit -MF $@.d -o $@ $< \
		$(SAN_OBJ) $(shell $(PKG_CONFIG) --libs $(PKGS)) $(INIH) -lcmocka $(WRAP)

%/unit/climb: WRAP := -Wl,--wrap=chip_reset,--wrap=ladder_take,--wrap=ladder_alive
%/unit/ladder: WRAP := -Wl,--wrap=port_switching,--wrap=port_power,--wrap=port_state

-include $(wildcard $(SAN)/*/*.d)

stage:
	@$(MAKE) -s B=$(STAGE)/obj PREFIX=$(STAGE)/usr SYSCONFDIR=$(STAGE)/etc DESTDIR=/. install

unit-programs: $(SAN_BIN)

check-unit: unit-programs stage
	@tests/run $(UNIT)

# The programs of the unit tests without sanitizers, for valgrind, and the programs themselves installed for it, and with
# sanitizers. Not part of `check`: it takes minutes.
MEMORY     := $(B)/memory
MEMORY_BIN := $(patsubst tests/%.c,$(MEMORY)/%,$(wildcard tests/unit/*.c tests/pty/*.c))
MEMORY_OBJ := $(patsubst $(SAN)/%,$(B)/%,$(SAN_OBJ))

$(MEMORY)/%: tests/%.c $(MEMORY_OBJ) $(B)/flags
	@mkdir -p $(@D)
	$(call Q,LD) $(CC) $(ALLFLAGS) -DSOURCE='"$(CURDIR)"' -Wno-missing-prototypes -Isrc -Itests/unit -MF $@.d -o $@ $< \
		$(MEMORY_OBJ) $(shell $(PKG_CONFIG) --libs $(PKGS)) $(INIH) -lcmocka $(WRAP)

-include $(wildcard $(MEMORY)/*/*.d)

memory-stages:
	@for mode in valgrind sanitizers; do \
		rm -rf $(MEMORY)/$$mode; flags='$(CFLAGS)'; \
		[ $$mode = valgrind ] || flags='-g $(SANFLAGS)'; \
		$(MAKE) -s B=$(abspath $(MEMORY))/obj-$$mode PREFIX=$(abspath $(MEMORY))/$$mode/usr \
			SYSCONFDIR=$(abspath $(MEMORY))/$$mode/etc DESTDIR=/. CFLAGS="$$flags" install || exit 1; done

check-memory: $(MEMORY_BIN) memory-stages
	@tests/run tests/memory.sh

.PHONY: stage unit-programs memory-stages check-memory
# --- end of unit tests ---

# --- fuzzing ---
# A program for each reader of bytes that somebody else wrote. All sources are in one archive, of which each
# target takes what it does not define itself.
FUZZ_CC   ?= clang
FUZZ      := $(B)/fuzz
FUZZFLAGS := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_OBJ  := $(patsubst $(SAN)/%,$(FUZZ)/%,$(SAN_OBJ))
FUZZ_BIN  := $(patsubst tests/fuzz/%.c,$(FUZZ)/%,$(wildcard tests/fuzz/*.c))
.SECONDARY: $(FUZZ_OBJ) $(FUZZ)/src.a

$(FUZZ)/obj/%.o: src/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call Q,CC) $(FUZZ_CC) $(ALLFLAGS) $(FUZZFLAGS) -c -o $@ $<

$(FUZZ)/src.a: $(FUZZ_OBJ)
	@rm -f $@
	$(call Q,AR) $(AR) rcs $@ $^

$(FUZZ)/%: tests/fuzz/%.c $(FUZZ)/src.a $(B)/flags
	$(call Q,LD) $(FUZZ_CC) $(ALLFLAGS) $(subst -no-link,,$(FUZZFLAGS)) -Wno-missing-prototypes -Isrc -Itests/unit -MF $@.d -o $@ $< \
		$(FUZZ)/src.a $(shell $(PKG_CONFIG) --libs $(PKGS)) $(INIH) -lcmocka

-include $(wildcard $(FUZZ)/*.d $(FUZZ)/obj/*.d)

# What it finds stays in build/fuzz, and the next run goes on from there.
FUZZ_SECONDS ?= 60

fuzz: $(FUZZ_BIN)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run tests/fuzz.sh

.PHONY: fuzz
# --- end of fuzzing ---

EMU_TESTS := $(addprefix tests/vm/emu/,selftest.sh relays.sh power.sh faults.sh)

# The long ones first: machines run side by side, and none should be waited for at the end. Last what compares times, when
# the others leave it some peace.
TIMED  := tests/vm/cases/35-relay-cost.sh
SAMPLE := tests/vm/matrix/sample.sh
MATRIX := $(addprefix tests/vm/matrix/,plug.sh health.sh refresh.sh hand.sh hangs.sh)
CASES := $(addprefix tests/vm/cases/,40-health.sh 13-hundred.sh 25-owed.sh 09-torn.sh 15-verbs.sh 23-silent.sh)
CASES += $(filter-out $(CASES) $(TIMED),$(wildcard tests/vm/cases/*.sh))

check:
	@$(MAKE) -j2 payload stage $(SAN_BIN) $(FUZZ_BIN) deb arch
	@tests/run $(UNIT) --beside tests/project.sh tests/deb.sh tests/arch.sh tests/fuzz.sh --vm $(SAMPLE) $(CASES) $(EMU_TESTS) $(TIMED)

# The whole fault matrix, of which `check` takes a sample, with seeds that decide its order and delays. What each run said is
# kept in build/vm/.
SEEDS ?= $(shell seq 1 20)

matrix: payload
	@bad=''; for seed in $(SEEDS); do echo "seed $$seed:"; \
		tests/run --arg $$seed --vm $(MATRIX) || bad="$$bad $$seed"; done; \
		[ -z "$$bad" ] || { echo "failed with these seeds:$$bad"; exit 1; }

# How well the tests notice: some thirty ways to break the sources, in turn. What no program notices costs machines, and hours.
mutation:
	@tests/mutation/run $(ONLY)

# Each system call that can fail does, one at a time.
FAULTS := $(addprefix tests/vm/faults/,healing.sh asking.sh relays.sh)

faults: payload
	@tests/run --vm $(FAULTS)

# What the tests run of src; what they say themselves is not judged, for it takes longer with the counters. The packages' cases
# have programs of their own.
coverage:
	@CASES='$(SAMPLE) $(filter-out %/27-deb.sh %/28-read-only.sh,$(CASES)) $(EMU_TESTS)' tests/coverage/run

# A seeded random machine, of as many steps as are asked for; without a seed, any, which is printed.
STEPS ?= 2000

soak: payload
	@tests/soak/run '$(SEED)' '$(STEPS)'

# What it costs and how fast it is, beside others; not part of `check`.
BENCH := $(B)/bench

$(BENCH)/%: tests/bench/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call Q,CC) $(CC) -std=c17 -D_GNU_SOURCE $(WARN) $(CFLAGS) -static -o $@ $<

$(BENCH)/slow.so: tests/bench/slow.c $(B)/flags
	@mkdir -p $(@D)
	$(call Q,CC) $(CC) -std=c17 -D_GNU_SOURCE $(WARN) -Wno-missing-prototypes $(CFLAGS) -fPIC -shared -o $@ $<

bench: payload $(addprefix $(BENCH)/,tool empty slow.so)
	@tests/bench/run

check-vm: payload deb arch
	@tests/run --vm $(CASES) $(TIMED)

# Not part of `check`: it takes minutes, and a gigabyte and a half for the compilers.
ARCHES ?= arm64 armhf s390x

check-cross:
	@tests/cross/check $(ARCHES)

# Each source by itself, and anew only when something of it has changed. What is left out, and why, says .clang-tidy.
LINT_CC ?= gcc
LINT    := $(B)/lint
LINTED  := $(patsubst src/%.c,$(LINT)/%.o,$(wildcard src/*.c))
SCRIPTS  = $(shell grep -rlE '^\#!/bin/(ba)?sh|^\# shellcheck shell' tests packaging udev-rules .ci)

$(LINT)/%.o: src/%.c .clang-tidy $(B)/flags
	@mkdir -p $(@D)
	$(call Q,LINT) clang-tidy --quiet $< -- $(ALLFLAGS) 2>$@.log || { cat $@.log >&2; exit 1; }
	@$(LINT_CC) $(ALLFLAGS) -fanalyzer -c -o $@ $<

-include $(wildcard $(LINT)/*.d)

lint-sources: $(LINTED)

LINT_DEPS := clang-format clang-tidy cppcheck shellcheck

deps-lint:
	$(APT_GET) update
	$(APT_GET) install -y --no-install-recommends $(BUILD_DEPS) $(LINT_DEPS)

lint:
	clang-format --dry-run -Werror src/*.[ch] tests/*/*.[ch] tests/vm/emu/*.[ch]
	cppcheck -q -j"$$(nproc)" --std=c11 --enable=warning,portability,performance --error-exitcode=1 --inline-suppr -Isrc \
		-D_GNU_SOURCE src tests/vm/emu tests/vm/killat.c
	shellcheck $(SCRIPTS)
	@$(MAKE) -k -j"$$(nproc)" lint-sources

.PHONY: deps-lint lint-sources
