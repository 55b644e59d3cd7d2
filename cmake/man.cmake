# What a shell and `man` look for: completion scripts, and, where scdoc is found, a page for the program and one for each verb.
install(FILES src/cmd/shell/approxrun.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME approxrun)
install(FILES src/cmd/shell/approxrun.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _approxrun)
install(FILES src/cmd/shell/approxrun.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

find_program(SCDOC scdoc)
if(APPROXRUN_SANITIZE)      # the program would have to run, and what it keeps to its end are leaks here
  return()
elseif(NOT SCDOC)
  message(STATUS "Man pages: off (no scdoc)")
  return()
endif()

file(READ src/cmd/commands.def rows)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS src/cmd/commands.def)
string(REGEX MATCHALL "AX_COMMAND\\(\"[a-z]+" verbs "${rows}")
list(TRANSFORM verbs REPLACE ".*\"" "")
set(pages "")
foreach(verb IN ITEMS "" LISTS verbs)
  string(REGEX REPLACE "(.+)" "-\\1" suffix "${verb}")
  set(page ${PROJECT_BINARY_DIR}/man/approxrun${suffix}.1)
  add_custom_command(OUTPUT ${page} DEPENDS approxrun VERBATIM
    COMMAND sh -c "\"$1\" completion scdoc $2 >\"$3.scd\" && \"$4\" <\"$3.scd\" >\"$3\"" man $<TARGET_FILE:approxrun> "${verb}" ${page} ${SCDOC})
  list(APPEND pages ${page})
endforeach()
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/man)
add_custom_target(man ALL DEPENDS ${pages})
install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
