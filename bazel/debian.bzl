"""Lets Debian's bazel-bootstrap build without a network.

Bazel's own BUILD files load rules for C++ and Java and name a coverage tool, all
downloaded on first use, even by a project in Python. Debian packages these rules,
but in versions that its Bazel 4.2.3 cannot load. Bazel 4 still has the rules
built in, so thin repositories that pass them on are enough.
"""

def _written_repository_impl(context):
    for path, text in context.attr.files.items():
        context.file(path, text)

_written_repository = repository_rule(
    implementation = _written_repository_impl,
    attrs = {"files": attr.string_dict(doc = "Texts of the files by path.")},
)

def _native_rules(name, folder, rules):
    _written_repository(
        name = name,
        files = {
            folder + "/BUILD": "",
            folder + "/defs.bzl": "".join(["%s = native.%s\n" % (rule, rule) for rule in rules]),
        },
    )

def declare_missing_repositories():
    """Declares what Debian's Bazel would download; nothing for any other Bazel."""

    # Debian's has no version number, every release has one.
    if native.bazel_version:
        return
    _native_rules(
        name = "rules_cc",
        folder = "cc",
        rules = ["cc_binary", "cc_library", "cc_test", "cc_toolchain", "cc_toolchain_suite"],
    )
    _native_rules(
        name = "rules_java",
        folder = "java",
        rules = ["java_import", "java_runtime", "java_toolchain"],
    )
    _written_repository(
        name = "remote_coverage_tools",
        files = {
            "BUILD": "\n".join([
                'filegroup(name = "%s", visibility = ["//visibility:public"])' % tool
                for tool in ["coverage_report_generator", "lcov_merger"]
            ]),
        },
    )
