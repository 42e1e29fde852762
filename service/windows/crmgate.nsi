; The installer of crmgate for Windows, made on Linux by service/windows/package.sh.
;
; It puts the program into Program Files, and has the program itself install the service, its folders
; and their access lists. /S asks nothing; /D=FOLDER, as the last word, is another folder.

Unicode true
Target amd64-unicode
Name "crmgate"
OutFile "${OUTPUT}"
InstallDir "$PROGRAMFILES64\crmgate"
InstallDirRegKey HKLM "${REGISTRATION}" "InstallLocation"
RequestExecutionLevel admin
ShowInstDetails show
!ifdef FAST
  SetCompressor zlib
!else
  SetCompressor /SOLID lzma
!endif
VIProductVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "crmgate"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "FileDescription" "Gateway between SAP CRM and the connector"
VIAddVersionKey "LegalCopyright" "Apache-2.0 OR MIT"

Page directory
Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

Var WasRunning

; Runs the program that is installed; its exit code is on the stack.
!macro Program WORDS
  nsExec::ExecToLog '"$INSTDIR\crmgate.exe" ${WORDS}'
!macroend

Section "crmgate"
  SetShellVarContext all
  SetRegView 64
  StrCpy $WasRunning "no"
  IfFileExists "$INSTDIR\crmgate.exe" 0 fresh
    !insertmacro Program "service status"
    Pop $0
    StrCmp $0 "0" 0 stopped
      StrCpy $WasRunning "yes"
      DetailPrint "The service lets finish what is in flight."
      !insertmacro Program "service stop"
      Pop $0
      StrCmp $0 "0" stopped
        DetailPrint "The service does not stop: nothing was changed."
        SetErrorLevel 3
        Abort "The service does not stop: nothing was changed."
  stopped:
    ; A program that still ends can be moved and not be replaced.
    Delete "$INSTDIR\crmgate.old.exe"
    Rename "$INSTDIR\crmgate.exe" "$INSTDIR\crmgate.old.exe"
  fresh:
  SetOutPath "$INSTDIR"
  File "/oname=crmgate.exe" "${PROGRAM}"
  File "/oname=README.md" "${ROOT}/README.md"
  File "/oname=CHANGELOG.md" "${ROOT}/CHANGELOG.md"
  File "/oname=LICENSE-APACHE" "${ROOT}/LICENSE-APACHE"
  File "/oname=LICENSE-MIT" "${ROOT}/LICENSE-MIT"
  File "/oname=configuration.md" "${ROOT}/config/README.md"
  Delete /REBOOTOK "$INSTDIR\crmgate.old.exe"

  ; Closes the folders before anything is put there.
  !insertmacro Program "service install"
  Pop $0
  StrCmp $0 "0" installed
    SetErrorLevel 4
    Abort "The service could not be installed: crmgate service install ended with $0."
  installed:

  ; A configuration that is there is somebody's.
  SetOutPath "$APPDATA\crmgate"
  IfFileExists "$APPDATA\crmgate\crmgate.ini" configured
    File "/oname=crmgate.ini" "${ROOT}/service/windows/crmgate.ini"
  configured:

  SetOutPath "$INSTDIR"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  WriteRegStr HKLM "${REGISTRATION}" "DisplayName" "crmgate"
  WriteRegStr HKLM "${REGISTRATION}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKLM "${REGISTRATION}" "Publisher" "crmgate"
  WriteRegStr HKLM "${REGISTRATION}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKLM "${REGISTRATION}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKLM "${REGISTRATION}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKLM "${REGISTRATION}" "NoModify" 1
  WriteRegDWORD HKLM "${REGISTRATION}" "NoRepair" 1

  StrCmp $WasRunning "yes" 0 done
    !insertmacro Program "service start"
    Pop $0
    StrCmp $0 "0" done
      SetErrorLevel 5
      DetailPrint "The service does not start again: crmgate service start ended with $0."
  done:
  DetailPrint "Configuration, keys, logs and state: $APPDATA\crmgate"
SectionEnd

Section "Uninstall"
  SetShellVarContext all
  SetRegView 64
  !insertmacro Program "service uninstall"
  Pop $0
  StrCmp $0 "0" removed
    SetErrorLevel 4
    Abort "The service could not be removed: crmgate service uninstall ended with $0."
  removed:
  Delete /REBOOTOK "$INSTDIR\crmgate.exe"
  Delete /REBOOTOK "$INSTDIR\crmgate.old.exe"
  Delete "$INSTDIR\README.md"
  Delete "$INSTDIR\CHANGELOG.md"
  Delete "$INSTDIR\LICENSE-APACHE"
  Delete "$INSTDIR\LICENSE-MIT"
  Delete "$INSTDIR\configuration.md"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  DeleteRegKey HKLM "${REGISTRATION}"
  ; Configuration, keys, logs and state are the owner's and stay.
SectionEnd
