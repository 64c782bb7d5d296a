# What makes a build quick where it is installed (ccache, mold), and how Debian's libraries are linked.

find_program(RINGWALL_CCACHE ccache)
foreach(language C CXX ASM)
  if(RINGWALL_CCACHE AND NOT CMAKE_${language}_COMPILER_LAUNCHER)
    set(CMAKE_${language}_COMPILER_LAUNCHER "${RINGWALL_CCACHE}")
  endif()
endforeach()

# mold links a test binary in a tenth of the time of ld.bfd. LTO stays with ld.bfd: mold 1.10 needs the same plug-in and gains nothing.
find_program(RINGWALL_MOLD mold)
if(RINGWALL_MOLD AND NOT CMAKE_INTERPROCEDURAL_OPTIMIZATION AND NOT CMAKE_EXE_LINKER_FLAGS MATCHES "-fuse-ld=")
  add_link_options(-fuse-ld=mold)
endif()

# Debian's CMake files of abseil name the shared libraries. The archives lie beside them: with these a debug binary starts
# without fifty relocated libraries, and a static-pie release links at all. Targets without an archive stay as they are.
function(prefer_static_archives PACKAGE)
  get_directory_property(targets IMPORTED_TARGETS)
  foreach(target ${targets})
    if(NOT target MATCHES "^${PACKAGE}::")
      continue()
    endif()
    get_target_property(configs ${target} IMPORTED_CONFIGURATIONS)
    foreach(config ${configs})
      get_target_property(location ${target} IMPORTED_LOCATION_${config})
      if(NOT location)
        continue()
      endif()
      string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive "${location}")
      if(EXISTS "${archive}")
        set_target_properties(${target} PROPERTIES IMPORTED_LOCATION_${config} "${archive}" IMPORTED_SONAME_${config} "")
      endif()
    endforeach()
  endforeach()
endfunction()
